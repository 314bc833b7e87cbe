import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endInTurn, type Ending } from '../../server/end-in-turn.ts'
import { openLog } from '../../server/log.ts'

/** Ends what a test says, and tells what came of it. */
async function end(endings: readonly Ending[], limitMs: number): Promise<{ readonly log: string }> {
  let log = ''
  await endInTurn(endings, { limitMs, log: openLog('info', { write: (line) => void (log += line) }) })
  return { log }
}

test('parts end one after the other, and nothing is said of it', async () => {
  const ended: string[] = []
  const part = (name: string): Ending => [
    name,
    async () => {
      ended.push(`${name} begins`)
      await new Promise(setImmediate)
      ended.push(`${name} is over`)
    },
  ]
  assert.deepEqual(await end([part('one'), part('other')], 60_000), { log: '' })
  assert.deepEqual(ended, ['one begins', 'one is over', 'other begins', 'other is over'])
})

test('one that does not end is named, and neither it nor the rest is waited for', async () => {
  const endless = new Promise(() => {})
  const { log } = await end(
    [
      ['one', () => Promise.resolve()],
      ['other', () => endless],
      ['last', () => assert.fail()],
    ],
    20,
  )
  const { level, at, limitMs } = JSON.parse(log) as Record<string, unknown>
  assert.deepEqual([level, at, limitMs], ['warn', 'other', 20])
})

test('one that fails says why; after the time is up nobody is told', async () => {
  await assert.rejects(end([['one', () => Promise.reject(new Error('why'))]], 60_000), /why/)
  const late = Promise.withResolvers<void>()
  await end([['one', () => late.promise]], 20)
  late.reject(new Error('too late'))
  // It would end the process.
  await new Promise(setImmediate)
})
