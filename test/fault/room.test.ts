import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Room, type RoomOptions } from '../../server/downloads/room.ts'
import type { PrunePlan } from '../../storage/catalog/catalog.ts'
import { diskIo } from '../../storage/io.ts'
import { openFileSource, readContent } from './file-source-fixture.ts'

const MEBIBYTE = 1 << 20

/** A store of which a prune frees what is asked, save for what is `pinned`. */
function storeOf(given: { storedBytes: number; freeBytes?: number; pinned?: number }): {
  store: RoomOptions['store']
  executePrune: RoomOptions['executePrune']
  budgets: (number | undefined)[]
} {
  const budgets: (number | undefined)[] = []
  let { storedBytes } = given
  return {
    budgets,
    store: {
      stats: () => Promise.resolve({ storedBytes, freeBytes: given.freeBytes ?? 1e12 }),
      planPrune: ({ maxBytes = Infinity }) => {
        const left = Math.max(given.pinned ?? 0, Math.min(storedBytes, maxBytes))
        return Promise.resolve({ storedBytes, freedBytes: storedBytes - left } as PrunePlan)
      },
    },
    executePrune: (plan) => {
      storedBytes -= plan.freedBytes
      budgets.push(storedBytes)
      return Promise.resolve()
    },
  }
}

const none = (): number => 0

test('downloads that run at once are not promised the same bytes of the disk', async () => {
  const room = new Room({ ...storeOf({ storedBytes: 0, freeBytes: 1000 }), maxBytes: undefined, keepFreeBytes: 100 })
  let written = 0
  const [first, second] = await Promise.all([room.reserve(500, () => written), room.reserve(500, none)])
  assert.equal(first.refusal, undefined)
  assert.equal(second.refusal?.code, 'ERR_STORE_FULL')
  assert.equal(
    second.refusal.message,
    '500 bytes do not fit on the disk: of 1000 free ones, 100 stay free (keep-free), and 500 are for other downloads',
  )
  // What is written is no longer free, and so no longer to be kept free.
  written = 200
  assert.equal((await room.reserve(600, none)).refusal, undefined)
  assert.equal((await room.reserve(1, none)).refusal?.code, 'ERR_STORE_FULL')
  first[Symbol.dispose]()
  assert.equal((await room.reserve(300, none)).refusal, undefined)
})

test('who waits for room when the server ends does not get to prune for it', async () => {
  const { budgets, ...store } = storeOf({ storedBytes: 1000 })
  const room = new Room({ ...store, maxBytes: 1000, signal: AbortSignal.abort(new Error('the end')) })
  await assert.rejects(room.reserve(100, none), /the end/)
  assert.deepEqual(budgets, [])
})

test('within its limit the store is not pruned; beyond it, just below, and once for all who wait', async () => {
  const { budgets, ...store } = storeOf({ storedBytes: 700 })
  const room = new Room({ ...store, maxBytes: 1000 })
  assert.equal((await room.reserve(300, none)).refusal, undefined)
  assert.deepEqual(budgets, [])
  const both = await Promise.all([room.reserve(100, none), room.reserve(50, none)])
  assert.ok(both.every(({ refusal }) => refusal === undefined))
  assert.deepEqual(budgets, [500], 'for the second one there is headroom left')
})

test('nothing is pruned for a file that does not fit all the same', async () => {
  const { budgets, ...store } = storeOf({ storedBytes: 700, pinned: 600 })
  const room = new Room({ ...store, maxBytes: 1000 })
  assert.equal((await room.reserve(1001, none)).refusal?.code, 'ERR_STORE_FULL')
  assert.equal((await room.reserve(500, none)).refusal?.code, 'ERR_STORE_FULL')
  assert.deepEqual(budgets, [])
  assert.equal((await room.reserve(400, none)).refusal, undefined)
})

test('a download of unknown length is promised more as it grows, no other is promised the same, and a refusal ends the promise', async () => {
  const { budgets, ...store } = storeOf({ storedBytes: 190 * MEBIBYTE, freeBytes: 1e12, pinned: 100 * MEBIBYTE })
  const room = new Room({ ...store, maxBytes: 200 * MEBIBYTE })
  const unknown = await room.reserve(undefined, none)
  assert.equal(unknown.refusal, undefined)
  assert.equal(await unknown.extendTo(10 * MEBIBYTE), undefined)
  assert.deepEqual(budgets, [], 'it fits beside what is stored')
  assert.equal(await unknown.extendTo(90 * MEBIBYTE), undefined)
  assert.equal(budgets.length, 1, 'for it the store was pruned')
  assert.equal((await room.reserve(11 * MEBIBYTE, none)).refusal?.code, 'ERR_STORE_FULL')
  assert.equal((await unknown.extendTo(101 * MEBIBYTE))?.code, 'ERR_STORE_FULL')
  using other = await room.reserve(100 * MEBIBYTE, none)
  assert.equal(other.refusal, undefined)
})

test('a download of unknown length is asked for in few steps, which grow, but never takes much more than it is', async () => {
  const { store, executePrune } = storeOf({ storedBytes: 0 })
  let calls = 0
  const stats: typeof store.stats = () => ((calls += 1), store.stats())
  const room = new Room({ store: { ...store, stats }, executePrune, maxBytes: 1 << 30 })
  const unknown = await room.reserve(undefined, none)
  for (let end = 0; end <= 512 * MEBIBYTE; end += 64 << 10) assert.equal(await unknown.extendTo(end), undefined)
  assert.equal(calls / 2, 14)
  assert.equal((await room.reserve(449 * MEBIBYTE, none)).refusal, undefined)
})

test('a store that cannot tell of its room fails that download, and no other', async () => {
  const { store, executePrune } = storeOf({ storedBytes: 0 })
  let calls = 0
  const stats: typeof store.stats = () => ((calls += 1) === 1 ? Promise.reject(new Error('no statfs')) : store.stats())
  const room = new Room({ store: { ...store, stats }, executePrune, maxBytes: undefined })
  await assert.rejects(room.reserve(1, none), /no statfs/)
  assert.equal((await room.reserve(1, none)).refusal, undefined)
})

for (const [what, source, io] of [
  ['into the store', { maxBytes: 3 * MEBIBYTE }, diskIo],
  ['on the disk', {}, { ...diskIo, freeBytes: () => Promise.resolve(5 * MEBIBYTE) }],
] as const) {
  test(`a file of unknown length that turns out not to fit ${what} is passed on from there, and not kept`, async (t) => {
    const isOnDisk = what === 'on the disk'
    const fixture = await openFileSource(t, {
      size: 24 * MEBIBYTE,
      listsSize: false,
      quirks: { chunked: true },
      io,
      source: { ...source, keepFreeBytes: isOnDisk ? 2 * MEBIBYTE : 0 },
    })
    const reading = Array.from({ length: 3 }, async () => readContent(await fixture.find()))
    for (const got of await Promise.all(reading)) assert.ok(got.equals(fixture.bytes))
    await fixture.files.settle()
    assert.equal(fixture.asked().length, 1)
    assert.equal(fixture.metrics.downloads.notKept, 1)
    assert.deepEqual(await fixture.staged(), [])
    assert.equal((await fixture.store.stats()).distributions, 0)
  })

  test(`a file that does not fit ${what} is served by one request to all who ask at once, and not kept`, async (t) => {
    const fixture = await openFileSource(t, { size: 6 * MEBIBYTE, io, source })
    const first = await fixture.find()
    // While all that came is still in memory, others can join.
    const finding = Array.from({ length: 20 }, () => fixture.find())
    const reading = [first, ...finding].map(async (content) => readContent(await content))
    for (const got of await Promise.all(reading)) assert.ok(got.equals(fixture.bytes))
    await fixture.files.settle()
    assert.equal(fixture.asked().length, 1)
    assert.equal(fixture.metrics.downloads.notKept, 1)
    assert.ok(fixture.log.some(({ msg }) => msg === 'served, but not kept'))
    assert.deepEqual(await fixture.staged(), [])
    assert.equal((await fixture.store.stats()).distributions, 0)
  })
}
