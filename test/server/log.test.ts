import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog, type Log } from '../../server/log.ts'
import { redactUrl } from '../../server/redact.ts'
import { startArbor } from '../support/arbor.ts'

function logged(write: (log: Log) => void, level: 'info' | 'warn' = 'info'): Record<string, unknown>[] {
  const lines: string[] = []
  write(openLog(level, { write: (line: string) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line is one JSON object with level and time in words', () => {
  const [line] = logged((log) => log.info({ project: 'rich' }, 'fetched'))
  assert.deepEqual([line?.['level'], line?.['msg'], line?.['project']], ['info', 'fetched', 'rich'])
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

test('what is below the level is not written', () => {
  assert.deepEqual(
    logged((log) => log.info('x'), 'warn'),
    [],
  )
})

test('no credential gets into a line, by whatever field it comes', () => {
  const lines = logged((log) => {
    const error = new Error('GET https://me:secret@host/simple/ failed', {
      cause: new Error('http://secret@x/?sig=secret'),
    })
    log.warn(
      { err: error, url: 'https://me:se"cr"et@host/', headers: { authorization: 'Bearer sec\\"ret' } },
      'http://a:secret@b',
    )
    log.child({ upstream: 'https://me:secret@host/' }).info({ headers: { 'set-cookie': ['secret'], Cookie: 'secret' } })
  })
  assert.equal(lines.length, 2)
  assert.doesNotMatch(JSON.stringify(lines), /secret|sec\\/)
  assert.ok(JSON.stringify(lines[0]).includes('GET https://***@host/simple/ failed'))
})

for (const [text, redacted] of [
  ['https://host/a@b', 'https://host/a@b'],
  ['https://me:pw@host/', 'https://***@host/'],
  ['https://me:p@w@host:1/x', 'https://***@host:1/x'],
  ['https://token@host', 'https://***@host'],
  ['https://host/f.whl?Signature=x&y=z#sha256=ab', 'https://host/f.whl?***#sha256=ab'],
  ['two: http://a:b@c/ and http://d/?e f?', 'two: http://***@c/ and http://d/?*** f?'],
  ['mail me@host, really?', 'mail me@host, really?'],
] as const) {
  test(`${text} becomes ${redacted}`, () => assert.equal(redactUrl(text), redacted))
}

test('a URL object is redacted too', () => {
  assert.equal(redactUrl(new URL('https://me:pw@host/a?b')), 'https://***@host/a?***')
})

test('what Node itself warns of is a line as well, without credentials', async () => {
  const warn = `process.emitWarning('of http://me:secret@host/', 'OddWarning', 'ODD')`
  const preload = `process.on('SIGUSR2', () => ${warn})`
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(preload)}` }
  await using arbor = await startArbor({ upstream: 'http://127.0.0.1:9/simple/', env })
  process.kill(arbor.pid, 'SIGUSR2')
  while (!arbor.output.includes('ODD')) await new Promise((resolve) => void setImmediate(resolve))
  const line = arbor.output.split('\n').find((text) => text.includes('ODD')) ?? ''
  const { level, err } = JSON.parse(line) as { level: string; err: Record<string, unknown> }
  assert.deepEqual([level, err['name'], err['message']], ['warn', 'OddWarning', 'of http://***@host/'])
})
