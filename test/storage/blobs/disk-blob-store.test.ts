import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { hashBlake3 } from '../../../storage/digest.ts'
import { nameBlobs } from '../../../storage/blobs/naming.ts'
import { blockingIo, diskIo, type Io } from '../../../storage/io.ts'
import { adoptBytes, openFilesUnder, stageFile, testBlobStore } from '../../contract/blob-store.ts'
import { testBlobStoreChecks } from '../../contract/blob-store-checks.ts'
import { createDiskFixture } from './disk-fixture.ts'

testBlobStore('disk blob store', createDiskFixture)
testBlobStoreChecks('disk blob store', createDiskFixture)
testBlobStore('disk blob store that keeps one descriptor', () => createDiskFixture({ maxKeptFiles: 1 }))
testBlobStore('disk blob store whose files are named as in a thread', () =>
  createDiskFixture({ nameElsewhere: (job) => nameBlobs(blockingIo, job) }),
)

test('what was named is made durable with one fsync for each folder, after the last rename', async (t) => {
  const steps: string[] = []
  const io: Io = {
    ...diskIo,
    async rename(from, to) {
      await diskIo.rename(from, to)
      steps.push('rename')
    },
    async syncFolder(path) {
      await diskIo.syncFolder(path)
      steps.push(path)
    },
  }
  const fixture = await createDiskFixture({ io })
  t.after(() => fixture.remove())
  const store = await fixture.open()
  const { layout } = fixture
  const files = []
  for (let seed = 0; files.length < 10; seed += 1) {
    if (/^[ab]0/.test(hashBlake3(Buffer.from(`${seed}`)))) files.push(await stageFile(store, Buffer.from(`${seed}`)))
  }
  const folders = [...new Set(files.map(({ blake3 }) => layout.blobFolder(blake3.slice(0, 2))))]
  await store.adopt(files.slice(1))
  assert.deepEqual(steps.splice(0, 9), Array.from({ length: 9 }).fill('rename'))
  assert.equal(steps.pop(), layout.blobs, 'new folders are made durable too')
  // They are synced side by side, in no order.
  assert.deepEqual(steps.splice(0).toSorted(), folders.toSorted())
  await store.adopt(files.slice(0, 1))
  assert.deepEqual(steps.splice(0), ['rename', folders[0]])
  await store.close()
})

test('a blob that went while it was being opened is not kept', async (t) => {
  const { promise: isOpened, resolve: opened } = Promise.withResolvers<void>()
  const { promise: mayReturn, resolve: goOn } = Promise.withResolvers<void>()
  const io: Io = {
    ...diskIo,
    async openIfPresent(path) {
      const file = await diskIo.openIfPresent(path)
      opened()
      await mayReturn
      return file
    },
  }
  const fixture = await createDiskFixture({ io })
  t.after(() => fixture.remove())
  const store = await fixture.open()
  const blake3 = await adoptBytes(store, randomBytes(10))
  const opening = store.open(blake3)
  await isOpened
  await store.remove([blake3])
  goOn()
  const blob = await opening
  assert.equal(await blob?.read(Buffer.alloc(10), 0), 10)
  assert.equal(await store.open(blake3), undefined)
  blob?.close()
  await store.close()
  assert.deepEqual(await openFilesUnder(fixture.folder), [])
})

test('a kept descriptor serves many readers, and no more are kept than allowed', async (t) => {
  const fixture = await createDiskFixture({ maxKeptFiles: 3 })
  t.after(() => fixture.remove())
  const store = await fixture.open()
  const blake3s = []
  for (let index = 0; index < 10; index += 1) blake3s.push(await adoptBytes(store, Buffer.from(`${index}`)))
  for (const blake3 of [...blake3s, ...blake3s]) {
    const readers = [await store.open(blake3), await store.open(blake3), await store.open(blake3)]
    for (const reader of readers) reader?.close()
    // Closing runs behind: one turn of the disk.
    await stat(fixture.folder)
  }
  const kept = (await openFilesUnder(fixture.folder)).filter((path) => path.startsWith(fixture.layout.blobs))
  if (process.platform === 'linux') assert.equal(kept.length, 3)
  await store.close()
})

test('readers at the same time share one descriptor, whether they come at once or when it is no longer kept', async (t) => {
  const fixture = await createDiskFixture({ maxKeptFiles: 1 })
  t.after(() => fixture.remove())
  const store = await fixture.open()
  const [read, other] = [await adoptBytes(store, randomBytes(10)), await adoptBytes(store, randomBytes(20))]
  const readers = await Promise.all(Array.from({ length: 20 }, () => store.open(read)))
  ;(await store.open(other))?.close()
  readers.push(await store.open(read))
  const count = async (): Promise<number> =>
    (await openFilesUnder(fixture.folder)).filter((path) => path === fixture.layout.blob(read)).length
  // Those that lost the race are closed behind.
  for (let turns = 0; turns < 500 && (await count()) > 1; turns += 1) await stat(fixture.folder)
  assert.ok((await count()) <= 1)
  for (const reader of readers) assert.equal(await reader?.read(Buffer.alloc(10), 0), 10)
  for (const reader of readers) reader?.close()
  await store.close()
  assert.deepEqual(await openFilesUnder(fixture.folder), [])
})

test('kept descriptors are given up where there is none left to open a blob with', async (t) => {
  let isOut = false
  const io: Io = {
    ...diskIo,
    openIfPresent: async (path) => {
      if (isOut && (await openFilesUnder(fixture.folder)).some((open) => open.startsWith(fixture.layout.blobs))) {
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
      }
      return diskIo.openIfPresent(path)
    },
  }
  const fixture = await createDiskFixture({ io })
  t.after(() => fixture.remove())
  const store = await fixture.open()
  const [first, second] = [await adoptBytes(store, randomBytes(10)), await adoptBytes(store, randomBytes(20))]
  ;(await store.open(first))?.close()
  isOut = true
  const blob = await store.open(second)
  assert.equal(blob?.size, 20)
  blob?.close()
  await store.close()
})

test('what another process removed is given back, though nobody asked for it since', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const [store, other] = [await fixture.open(), await fixture.open()]
  const [kept, gone, read] = await Promise.all(
    ['kept', 'gone', 'read'].map((text) => adoptBytes(store, Buffer.from(text))),
  )
  assert.ok(kept && gone && read)
  for (const blake3 of [kept, gone]) (await store.open(blake3))?.close()
  const reading = await store.open(read)
  await other.remove([gone, read])
  await other.close()
  await store.forgetRemoved()
  assert.equal(await store.open(read), undefined)
  assert.equal(await reading?.read(Buffer.alloc(4), 0), 4, 'its reader is left alone')
  reading?.close()
  await store.forgetRemoved()
  const left = (await openFilesUnder(fixture.folder)).filter((path) => path.startsWith(fixture.layout.blobs))
  if (process.platform === 'linux') assert.deepEqual(left, [fixture.layout.blob(kept)])
  await store.close()
})

test(
  'nobody may write to a blob',
  { skip: process.platform === 'win32' && 'Windows could not rename it' },
  async (t) => {
    const fixture = await createDiskFixture()
    t.after(() => fixture.remove())
    const store = await fixture.open()
    const blake3 = await adoptBytes(store, randomBytes(10))
    assert.equal((await stat(fixture.layout.blob(blake3))).mode & 0o777, 0o400)
    await store.close()
  },
)
