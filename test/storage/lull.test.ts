import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lull } from '../../storage/lull.ts'

const never = new AbortController().signal
const QUIET_MS = 30
/** Timers of node may ring a millisecond early. */
const EARLY_MS = 2

test('a lull begins a while after the last task has ended', async () => {
  const lull = new Lull({ quietMs: QUIET_MS, maxWaitMs: 60_000 })
  const [first, second] = [{}, {}]
  lull.begin(first)
  lull.begin(second)
  const waiting = lull.wait(never).then(() => performance.now())
  lull.end(first)
  lull.end(second)
  const endedAt = performance.now()
  assert.ok((await waiting) - endedAt >= QUIET_MS - EARLY_MS)
})

test('where nothing ever ran, nobody waits', async () => {
  await new Lull({ quietMs: 60_000, maxWaitMs: 60_000 }).wait(never)
})

test('what never ends is waited for only so long', async () => {
  const lull = new Lull({ quietMs: 5, maxWaitMs: QUIET_MS })
  lull.begin({})
  const began = performance.now()
  await lull.wait(never)
  assert.ok(performance.now() - began >= QUIET_MS - EARLY_MS)
})

test('a task that ends twice does not begin the lull anew', async () => {
  const lull = new Lull({ quietMs: 60_000, maxWaitMs: 60_000 })
  lull.end({})
  await lull.wait(never)
})

test('who waits is told of the end of everything', async () => {
  const lull = new Lull({ quietMs: 60_000, maxWaitMs: 60_000 })
  lull.begin({})
  const ending = new AbortController()
  const waiting = lull.wait(ending.signal)
  ending.abort(new Error('over'))
  await assert.rejects(waiting)
})
