import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFileSource, readContent } from './file-source-fixture.ts'

const SIZE = 2_000_000
const tail = { first: SIZE - 16_384, last: SIZE - 1 }
const rangeOf = ({ first, last }: { first: number; last: number }): string => `bytes=${first}-${last}`

test('the tail of a file that nobody fetched is asked of upstream by an explicit range, and no more than that', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE })
  const content = await fixture.find({ part: true })
  assert.equal(content.size, SIZE)
  assert.deepEqual(await readContent(content, tail), fixture.bytes.subarray(-16_384))
  const asked = fixture.asked()
  assert.deepEqual(
    asked.map(({ headers, bytesSent }) => [headers.range, bytesSent]),
    [[rangeOf(tail), 16_384]],
  )
  assert.equal(fixture.files.downloads, 0)
  assert.equal(fixture.metrics.bytesFromUpstream, 16_384)
  assert.deepEqual(
    fixture.metrics.traffic.take().map(({ project, bytesFromUpstream }) => [project, bytesFromUpstream]),
    [['big', 16_384]],
  )
  assert.equal((await fixture.store.stats()).distributions, 0, 'nothing of it is stored')
})

test('many who ask for the same part at once, or soon after, cause one request', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE, quirks: { latencyMs: 20 } })
  const ask = async (): Promise<Buffer> => readContent(await fixture.find({ part: true }), tail)
  const got = await Promise.all(Array.from({ length: 32 }, ask))
  got.push(await ask())
  for (const bytes of got) assert.deepEqual(bytes, fixture.bytes.subarray(-16_384))
  assert.equal(fixture.asked().length, 1)
})

test('a large part is worth the download, and so is the whole of a range request', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE })
  const half = await readContent(await fixture.find({ part: true }), { first: SIZE / 2, last: SIZE - 1 })
  assert.deepEqual(half, fixture.bytes.subarray(SIZE / 2))
  await fixture.files.settle()
  await readContent(await fixture.find({ part: true }), tail)
  assert.deepEqual(
    fixture.asked().map(({ headers }) => headers.range),
    [undefined],
    'the tail then comes from the store',
  )
  assert.ok((await readContent(await fixture.find({ part: true }))).equals(fixture.bytes))
})

test('while the file is being fetched, a range that will be there soon waits for it', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE, quirks: { bytesPerSecond: 10_000_000 } })
  const whole = readContent(await fixture.find())
  assert.deepEqual(await readContent(await fixture.find({ part: true }), tail), fixture.bytes.subarray(-16_384))
  await whole
  assert.equal(fixture.asked().length, 1)
})

test('and one that would wait for long is asked of upstream', async (t) => {
  let now = 0
  const quirks = { hangAt: 300_000, faultyResponses: 1 }
  const stalled = await openFileSource(t, { size: SIZE, quirks, source: { clock: () => now } })
  const { signal } = new AbortController()
  const following = (await (await stalled.find()).open(undefined, signal))[Symbol.asyncIterator]()
  await following.next()
  now = 120_000
  assert.deepEqual(await readContent(await stalled.find({ part: true }), tail), stalled.bytes.subarray(-16_384))
  assert.equal(stalled.asked()[1]?.headers.range, rangeOf(tail))
  await following.return?.()
})

for (const ranges of ['ignored', 'absent'] as const) {
  test(`with ranges ${ranges} by its host the file is downloaded, and the host not asked for a part again`, async (t) => {
    const fixture = await openFileSource(t, { size: SIZE, quirks: { ranges } })
    const ask = async (): Promise<Buffer> => readContent(await fixture.find({ part: true }), tail)
    assert.deepEqual(await ask(), fixture.bytes.subarray(-16_384))
    await fixture.files.settle()
    await fixture.store.executePrune(await fixture.store.planPrune({ maxBytes: 0 }))
    fixture.files.forget()
    assert.deepEqual(await ask(), fixture.bytes.subarray(-16_384))
    assert.deepEqual(
      fixture.asked().map(({ headers }) => headers.range),
      [rangeOf(tail), undefined, undefined],
    )
  })
}

for (const [what, quirks] of [
  ['is cut short', { truncateAt: SIZE - 5000 }],
  ['ends early, with its length unsaid', { truncateAt: SIZE - 5000, chunked: true }],
  ['never comes', { hangAt: 'headers' }],
] as const) {
  test(`a part that ${what} is taken from a download instead`, async (t) => {
    const fixture = await openFileSource(t, { size: SIZE, quirks: { ...quirks, faultyResponses: 1 } })
    assert.deepEqual(await readContent(await fixture.find({ part: true }), tail), fixture.bytes.subarray(-16_384))
    assert.equal(fixture.asked().length, 2)
  })
}

test('a file that upstream has no more is not found, also by range', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE, quirks: { fileStatus: 404 } })
  await assert.rejects(readContent(await fixture.find({ part: true }), tail), { code: 'ERR_NOT_FOUND' })
})

test('where the page says no size, a HEAD or a range costs one byte to learn it, once', async (t) => {
  const fixture = await openFileSource(t, { size: SIZE, listsSize: false })
  assert.equal((await fixture.find({ headersOnly: true })).size, SIZE)
  assert.equal((await fixture.find({ headersOnly: true })).size, SIZE)
  assert.deepEqual(await readContent(await fixture.find({ part: true }), tail), fixture.bytes.subarray(-16_384))
  assert.deepEqual(
    fixture.asked().map(({ headers }) => headers.range),
    ['bytes=0-0', rangeOf(tail)],
  )
})
