import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { untilAborted } from '../../storage/until-aborted.ts'

test('who stops waiting is told why, at once, and what becomes of the work then troubles nobody', async () => {
  for (const isAbortedBefore of [true, false]) {
    const work = Promise.withResolvers<never>()
    const ending = new AbortController()
    if (isAbortedBefore) ending.abort(new Error('enough'))
    const waiting = untilAborted(work.promise, ending.signal)
    ending.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    // A rejection that nobody takes would end the process, and fails a test.
    work.reject(new Error('too late'))
    await setImmediate()
  }
})

test('who waits to the end hears of it, and listens no longer', async () => {
  const { signal } = new AbortController()
  assert.equal(await untilAborted(Promise.resolve('done'), signal), 'done')
  await assert.rejects(untilAborted(Promise.reject(new Error('failed')), signal), /failed/)
  assert.deepEqual(getEventListeners(signal, 'abort'), [])
})
