import assert from 'node:assert/strict'
import { readdir, readlink, stat, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { BlobStore, StagedFile } from '../../storage/blobs/blob-store.ts'
import { readBlob } from '../../storage/blobs/read-blob.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'

/** One place where blobs are kept, made afresh for each test. */
export interface BlobStoreFixture {
  /** Opens the store; several times gives several stores over the same blobs, as several processes have. */
  open(): Promise<BlobStore>
  /** Cuts the end off a stored blob, as a failing disk might. */
  cut(blake3: Blake3, size: number): Promise<void>
  /** Puts other bytes in the place of a stored blob's. */
  overwrite(blake3: Blake3, bytes: Uint8Array): Promise<void>
  /** Paths of temporary files that are there. */
  staged(): Promise<readonly string[]>
  /** A folder that holds every file of the store on this machine. */
  readonly folder: string
  remove(): Promise<void>
}

/** The contract of {@link BlobStore}. Each test ends by closing what it opened, and then nothing may be left over. */
export function testBlobStore(name: string, createFixture: () => Promise<BlobStoreFixture>): void {
  const inStore = inStoreOf(createFixture)
  describe(`${name}: adopting`, () => testAdopting(inStore))
  describe(`${name}: reading`, () => testReading(inStore))
  describe(`${name}: removing`, () => testRemoving(inStore))
}

/** Declares a test of one opened store. */
export function inStoreOf(createFixture: () => Promise<BlobStoreFixture>): InStore {
  return (what, test) => {
    it(what, async (t) => {
      const fixture = await createFixture()
      t.after(() => fixture.remove())
      const store = await fixture.open()
      await test({ fixture, store }, t)
      await store.close()
      assert.deepEqual(await fixture.staged(), [], 'nothing may be left in staging')
      assert.deepEqual(await openFilesUnder(fixture.folder), [], 'no descriptor may be left open')
    })
  }
}

interface Given {
  readonly fixture: BlobStoreFixture
  readonly store: BlobStore
}
export type InStore = (what: string, test: (given: Given, t: TestContext) => Promise<void>) => void

function testAdopting(inStore: InStore): void {
  inStore('makes blobs of staged files, which are gone then', async ({ store }) => {
    const contents = [randomBytes(10), randomBytes(100_000), Buffer.alloc(0)]
    const files = await Promise.all(contents.map((content) => stageFile(store, content)))
    await store.adopt(files)
    for (const [index, { path, blake3 }] of files.entries()) {
      assert.deepEqual(await readWhole(store, blake3), contents[index])
      await assert.rejects(stat(path), { code: 'ENOENT' })
    }
  })

  inStore('takes what it can of several files, and leaves the others to be discarded', async ({ store }) => {
    const content = randomBytes(100)
    const file = await stageFile(store, content)
    const missing = { path: store.stage(), blake3: hashBlake3(randomBytes(8)) }
    await assert.rejects(store.adopt([missing, file]), { code: 'ENOENT' })
    assert.equal(await store.open(missing.blake3), undefined)
    assert.deepEqual(await readWhole(store, file.blake3), content)
  })

  inStore('takes one digest several times in one call', async ({ store }) => {
    const content = randomBytes(100)
    const files = await Promise.all(Array.from({ length: 5 }, () => stageFile(store, content)))
    await store.adopt(files)
    assert.deepEqual(await listAll(store), new Set([hashBlake3(content)]))
  })

  inStore('can be done by eight stores at once with the same content', async ({ fixture, store }) => {
    const contents = Array.from({ length: 20 }, (_, index) => Buffer.alloc(1000 + index, index))
    const stores = await Promise.all(Array.from({ length: 8 }, () => fixture.open()))
    const adoptAll = async (each: BlobStore): Promise<void> => {
      const files = await Promise.all(contents.map((content) => stageFile(each, content)))
      await each.adopt(files)
      for (const { blake3 } of files) assert((await readWhole(each, blake3)) !== undefined)
    }
    await Promise.all(stores.map(adoptAll))
    assert.equal((await listAll(store)).size, contents.length)
    await Promise.all(stores.map((each) => each.close()))
  })

  inStore('refuses a file that was not staged here', async ({ fixture, store }) => {
    const other = await fixture.open()
    const foreign = await stageFile(other, randomBytes(5))
    await assert.rejects(store.adopt([foreign]), TypeError)
    await assert.rejects(store.discard(foreign.path), TypeError)
    await other.close()
  })

  inStore('stages each file under another path, and discards what is not wanted', async ({ fixture, store }) => {
    const [one, two] = [await stageFile(store, randomBytes(5)), await stageFile(store, randomBytes(5))]
    assert.notEqual(one.path, two.path)
    await store.discard(one.path)
    await store.discard(one.path)
    assert.deepEqual(
      (await fixture.staged()).filter((path) => path === one.path || path === two.path),
      [two.path],
    )
  })

  inStore('takes no more once it is closed', async ({ fixture }) => {
    const closed = await fixture.open()
    await closed.close()
    await closed.close()
    assert.throws(() => closed.stage(), { code: 'ERR_STORE_CLOSED' })
    await assert.rejects(closed.adopt([]), { code: 'ERR_STORE_CLOSED' })
    await assert.rejects(closed.open(hashBlake3(randomBytes(3))), { code: 'ERR_STORE_CLOSED' })
  })
}

function testReading(inStore: InStore): void {
  inStore('gives nothing for a blob that is not there', async ({ store }) => {
    const blake3 = hashBlake3(randomBytes(8))
    assert.equal(await store.open(blake3), undefined)
    assert.equal(await store.localPath(blake3), undefined)
  })

  inStore('reads by position, for many at once', async ({ store }) => {
    const content = randomBytes(3_000_000)
    const blake3 = await adoptBytes(store, content)
    const readFrom = async (position: number): Promise<void> => {
      const blob = await store.open(blake3)
      assert(blob !== undefined)
      assert.equal(blob.size, content.length)
      assert.equal(blob.blake3, blake3)
      const buffer = Buffer.alloc(1000)
      const count = await blob.read(buffer, position)
      assert.deepEqual(buffer.subarray(0, count), content.subarray(position, position + 1000))
      blob.close()
      blob.close()
    }
    await Promise.all(Array.from({ length: 100 }, (_, index) => readFrom(index * 30_000)))
    await readFrom(content.length - 1)
    await readFrom(content.length)
  })

  inStore('reads a blob that became shorter as damaged', async ({ fixture, store }) => {
    const content = randomBytes(2_500_000)
    const blake3 = await adoptBytes(store, content)
    await fixture.cut(blake3, 2_000_000)
    await assert.rejects(readWhole(store, blake3, content.length), { code: 'ERR_BLOB_DAMAGED', blake3 })
  })

  inStore('reads a blob that becomes shorter meanwhile as damaged', async ({ fixture, store }) => {
    const blake3 = await adoptBytes(store, randomBytes(2_500_000))
    const blob = await store.open(blake3)
    assert(blob !== undefined)
    await fixture.cut(blake3, 1_500_000)
    await assert.rejects(collect(await readBlob(blob, { first: 0, last: 2_499_999 }, NEVER)), {
      code: 'ERR_BLOB_DAMAGED',
    })
  })

  inStore('names a file on this machine that has the bytes', async ({ store }) => {
    const blake3 = await adoptBytes(store, randomBytes(77))
    const path = await store.localPath(blake3)
    assert(path !== undefined)
    assert.equal((await stat(path)).size, 77)
  })

  inStore('lists every blob with its size', async ({ fixture, store }) => {
    assert.deepEqual(await listAll(store), new Set())
    const contents = Array.from({ length: 40 }, (_, index) => randomBytes(index))
    const files = await Promise.all(contents.map((content) => stageFile(store, content)))
    await store.adopt(files)
    const other = await fixture.open()
    assert.deepEqual(await listAll(other), new Set(contents.map((content) => hashBlake3(content))))
    await other.close()
  })
}

function testRemoving(inStore: InStore): void {
  inStore('removes, and counts what is not there as removed', async ({ store }) => {
    const kept = await adoptBytes(store, randomBytes(9))
    const gone = await adoptBytes(store, randomBytes(9))
    await readWhole(store, gone)
    await store.remove([gone, gone, hashBlake3(randomBytes(8))])
    assert.equal(await store.open(gone), undefined)
    assert.equal(await store.localPath(gone), undefined)
    assert.deepEqual(await listAll(store), new Set([kept]))
  })

  inStore('lets who has a blob open read it to its end', async ({ store }) => {
    const content = randomBytes(5_000_000)
    const blake3 = await adoptBytes(store, content)
    const blob = await store.open(blake3)
    assert(blob !== undefined)
    const reading = await readBlob(blob, { first: 0, last: content.length - 1 }, NEVER)
    const first = await reading.next()
    assert(first.done !== true)
    const start = Buffer.from(first.value)
    await store.remove([blake3])
    assert.equal(await store.open(blake3), undefined)
    assert.deepEqual(Buffer.concat([start, await collect(reading)]), content)
  })

  inStore('does not keep a blob that was opened while it went', async ({ store }) => {
    for (let round = 0; round < 20; round += 1) {
      const blake3 = await adoptBytes(store, randomBytes(9))
      const opening = Array.from({ length: 5 }, () => store.open(blake3))
      await store.remove([blake3])
      assert.equal(await store.open(blake3), undefined)
      for (const blob of await Promise.all(opening)) blob?.close()
    }
  })

  inStore('can be adopted again afterwards', async ({ store }) => {
    const content = randomBytes(9)
    const blake3 = await adoptBytes(store, content)
    await store.remove([blake3])
    assert.equal(await adoptBytes(store, content), blake3)
    assert.deepEqual(await readWhole(store, blake3), content)
  })

  inStore('closing leaves a reader its blob', async ({ fixture, store }) => {
    const other = await fixture.open()
    const blake3 = await adoptBytes(other, Buffer.from('still here'))
    const blob = await other.open(blake3)
    assert(blob !== undefined)
    await other.close()
    const reading = await readBlob(blob, { first: 6, last: 9 }, NEVER)
    assert.equal((await collect(reading)).toString(), 'here')
    // The last reader's descriptor is closed behind its back: give that some turns of the disk.
    const path = await store.localPath(blake3)
    for (let turn = 0; turn < 100; turn += 1) await stat(fixture.folder)
    assert(!(await openFilesUnder(fixture.folder)).includes(path ?? ''))
  })
}

const NEVER = new AbortController().signal

/** Writes a staged file as the store wants it; its digest is right. */
export async function stageFile(store: BlobStore, content: Uint8Array): Promise<StagedFile> {
  const path = store.stage()
  await writeFile(path, content, { flush: true, flag: 'wx' })
  return { path, blake3: hashBlake3(content) }
}

export async function adoptBytes(store: BlobStore, content: Uint8Array): Promise<Blake3> {
  const file = await stageFile(store, content)
  await store.adopt([file])
  return file.blake3
}

/** A copy: the chunks are not valid for long. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

/** Undefined where there is none. `size`: what it is believed to be; by default what it is. */
export async function readWhole(store: BlobStore, blake3: Blake3, size?: number): Promise<Buffer | undefined> {
  const blob = await store.open(blake3)
  return blob && collect(await readBlob(blob, { first: 0, last: (size ?? blob.size) - 1 }, NEVER))
}

export async function listAll(store: BlobStore): Promise<Set<Blake3>> {
  return new Set(await Array.fromAsync(store.list()))
}

/** Files under a folder that this process has open; none can be seen where there is no /proc. */
export async function openFilesUnder(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const descriptors = await readdir('/proc/self/fd')
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(`${folder}/`))
}
