import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { type FileSourceFixture, openFileSource, readContent } from './file-source-fixture.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** Reads a fifth of the file, and leaves. */
async function readSome(fixture: FileSourceFixture): Promise<void> {
  let received = 0
  for await (const chunk of await (await fixture.find()).open(undefined, new AbortController().signal)) {
    received += chunk.length
    if (received > fixture.bytes.length / 5) return
  }
}

test('clients that arrive at any moment around the end cause no second request', async (t) => {
  const fixture = await openFileSource(t, { quirks: { bytesPerSecond: 5_000_000 } })
  const reading: Promise<Buffer>[] = []
  let isOver = false
  const first = fixture.find().then((content) => readContent(content))
  void first.then(() => fixture.files.settle()).then(() => (isOver = true))
  // From the last bytes on, a few in every turn of the event loop, until some come after the end.
  while (fixture.files.downloads === 0 || (fixture.asked()[0]?.bytesSent ?? 0) < 900_000) await nextTurn()
  for (let after = 0; after < 5; after += isOver ? 1 : 0) {
    for (let each = 0; each < 3; each += 1) {
      reading.push(fixture.find().then((content) => readContent(content)))
      await Promise.resolve()
    }
    await nextTurn()
  }
  for (const got of await Promise.all([first, ...reading])) assert.ok(got.equals(fixture.bytes))
  assert.ok(reading.length > 20, `${reading.length} clients`)
  assert.equal(fixture.asked().length, 1)
})

test('a client that was told "not stored" just before it was, causes no second request', async (t) => {
  const gate = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let looks = -Infinity
  // A client looks twice: by its URL, and by the digest that the page gives. The second answer comes late, as from a busy process.
  const wrapCatalog = (catalog: Catalog): Catalog => ({
    ...catalog,
    async findDistribution(digest) {
      const found = await catalog.findDistribution(digest)
      looks += 1
      if (looks === 2) {
        held.resolve()
        await gate.promise
      }
      return found
    },
  })
  const fixture = await openFileSource(t, { wrapCatalog, quirks: { bytesPerSecond: 5_000_000 } })
  const first = await fixture.find()
  looks = 0
  const late = fixture.find()
  await held.promise
  await readContent(first)
  await fixture.files.settle()
  gate.resolve()
  assert.ok((await readContent(await late)).equals(fixture.bytes))
  assert.equal(fixture.asked().length, 1)
})

test('the same bytes listed by two indexes are one request, and both are noted', async (t) => {
  const fixture = await openFileSource(t)
  const [main, other] = await Promise.all([fixture.find(), fixture.find({ index: 'other' })])
  await Promise.all([readContent(main), readContent(other)])
  await fixture.files.settle()
  const sha256 = hashSha256(fixture.bytes)
  const record = await fixture.store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
  assert.deepEqual(record?.sightings.map(({ index }) => index).toSorted(), ['main', 'other'])
  await readContent(await fixture.find({ index: 'third' }))
  assert.equal(fixture.asked().length, 1)
})

for (const [what, options, expected] of [
  ['a length that only the download tells', { listsSize: false, quirks: { chunked: true, ranges: 'absent' } }, [1, 1]],
  ['a file of no bytes', { size: 0 }, [0, 1]],
] as const) {
  test(`who waits for ${what} until its download is over is a miss, and no hit as well`, async (t) => {
    const fixture = await openFileSource(t, options)
    assert.equal((await fixture.find({ headersOnly: true })).size, fixture.bytes.length)
    await readContent(await fixture.find())
    assert.deepEqual([fixture.metrics.fileHits, fixture.metrics.fileMisses], expected)
  })
}

test('a file that went from the store while its URL was remembered is fetched again', async (t) => {
  const fixture = await openFileSource(t)
  await readContent(await fixture.find())
  await fixture.files.settle()
  await readContent(await fixture.find())
  // As another process may.
  await fixture.store.executePrune(await fixture.store.planPrune({ maxBytes: 0 }))
  assert.ok((await readContent(await fixture.find())).equals(fixture.bytes))
  assert.equal(fixture.asked().length, 2)
})

test('a place is noted once, however many ask there, also for who comes while the file is being kept', async (t) => {
  const keeping = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const noted: string[] = []
  const wrapCatalog = (catalog: Catalog): Catalog => ({
    ...catalog,
    async addDistribution(...given) {
      keeping.resolve()
      await gate.promise
      return catalog.addDistribution(...given)
    },
    addSighting(sha256, sighting) {
      noted.push(sighting.index)
      return catalog.addSighting(sha256, sighting)
    },
  })
  const fixture = await openFileSource(t, { wrapCatalog })
  const readFrom = async (index: string): Promise<Buffer> => readContent(await fixture.find({ index }))
  const reading = ['main', 'main', 'second', 'second', 'second'].map(readFrom)
  await keeping.promise
  await readFrom('late')
  gate.resolve()
  await Promise.all(reading)
  await fixture.files.settle()
  assert.deepEqual(noted.toSorted(), ['late', 'second'])
})

test('a download that everybody has left goes on', async (t) => {
  const fixture = await openFileSource(t, { quirks: { bytesPerSecond: 5_000_000 } })
  await Promise.all([readSome(fixture), readSome(fixture)])
  await fixture.files.settle()
  await readContent(await fixture.find())
  assert.equal(fixture.asked().length, 1)
})

test('or stops, if so set, once the last one has left; nothing is kept, nothing failed, and the next one starts afresh', async (t) => {
  const quirks = { bytesPerSecond: 2_000_000 }
  const fixture = await openFileSource(t, { quirks, source: { whenAbandoned: 'stop' } })
  const staying = fixture.find().then((content) => readContent(content))
  await readSome(fixture)
  assert.ok((await staying).equals(fixture.bytes), 'not while somebody follows')
  await fixture.files.settle()
  await fixture.store.executePrune(await fixture.store.planPrune({ maxBytes: 0 }))
  fixture.files.forget()

  await readSome(fixture)
  await fixture.files.settle()
  const [, stopped] = fixture.asked()
  assert.ok((stopped?.bytesSent ?? 0) < fixture.bytes.length)
  assert.deepEqual(await fixture.staged(), [])
  assert.deepEqual(fixture.metrics.downloads.failed, {})
  assert.ok(fixture.log.some(({ msg }) => msg === 'download stopped'))
  assert.ok((await readContent(await fixture.find())).equals(fixture.bytes))
})

test('shutdown ends a download that hangs, and leaves no debris', async (t) => {
  const fixture = await openFileSource(t, { quirks: { hangAt: 500_000 } })
  const reading = fixture.find().then((content) => readContent(content))
  const broken = assert.rejects(reading)
  while ((await fixture.staged()).length === 0) await nextTurn()
  fixture.shutdown.abort(new Error('Arbor is shutting down'))
  await fixture.files.settle()
  await broken
  assert.deepEqual(await fixture.staged(), [])
  assert.deepEqual(fixture.metrics.downloads.failed, {})
})
