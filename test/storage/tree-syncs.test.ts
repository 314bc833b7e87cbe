import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { BlobStore } from '../../storage/blobs/blob-store.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import type { Damage } from '../../storage/healing.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Store, StoreOptions } from '../../storage/store.ts'
import { TreeSyncs } from '../../storage/tree-syncs.ts'
import { collect } from '../contract/blob-store.ts'
import { FaultyIo } from '../fault/faulty-io.ts'
import { openStore, put } from '../fault/store-fixture.ts'
import { findFaults } from '../support/sound-store.ts'
import { makeWheel } from '../support/zip-writer.ts'

const LARGE = randomBytes(100_000)
const LARGE_ID = hashBlake3(LARGE)
const wheel = makeWheel({ name: 'faulty', version: '1', files: { 'a.py': 'a', 'b.py': 'b', 'large.so': LARGE } })

/** A disk on which files are synced by `sync`. */
class SlowDisk extends FaultyIo {
  readonly #sync: (path: string) => Promise<void>

  constructor(sync: (path: string) => Promise<void> = () => Promise.resolve()) {
    super(diskIo)
    this.#sync = sync
  }

  override syncFile(path: string): Promise<void> {
    return this.#sync(path)
  }
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-tree-syncs-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** Keeps the wheel and unpacks it; the tree's id. */
async function putTree(store: Store): Promise<Blake3> {
  const outcome = await store.unpack((await put(store, wheel)).blake3)
  assert.ok(outcome.kind === 'unpacked')
  return outcome.tree
}

async function unsyncedOf({ catalog }: Store): Promise<Blake3[]> {
  return (await catalog.listUnsynced()).map(({ blake3 }) => blake3)
}

/** All but its first byte: a part is not checked when it is read. */
async function readLarge(store: Store): Promise<Buffer> {
  const blob = await store.findBlob(LARGE_ID)
  assert.ok(blob)
  return collect(await blob.open(1, LARGE.length - 1, new AbortController().signal))
}

/** What a power cut leaves while nothing of a tree is synced: all that was written, until `damage` takes some of it. */
async function cutPower(t: TestContext, damage: (large: string) => Promise<void> = async () => {}): Promise<string> {
  const [folder, copy] = [await makeFolder(t), await makeFolder(t)]
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const store = await openStore(folder, new SlowDisk(() => isOver))
  await putTree(store)
  assert.ok((await unsyncedOf(store)).includes(LARGE_ID))
  await cp(folder, copy, { recursive: true })
  end()
  await store.close()
  const large = createLayout(copy).blob(LARGE_ID)
  await chmod(large, 0o600)
  await damage(large)
  return copy
}

async function openAfterCut(folder: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore(folder, new SlowDisk(), options)
  await store.resume()
  return store
}

test('a tree is there before its files are synced, and they are noted until they are', async (t) => {
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const folder = await makeFolder(t)
  const store = await openStore(folder, new SlowDisk(() => isOver))
  const tree = await putTree(store)
  assert.ok(await store.findManifest(tree))
  assert.deepEqual(await readLarge(store), LARGE.subarray(1))
  const files = (await readdir(createLayout(folder).blobs, { recursive: true })).filter((name) => name.length > 2)
  assert.equal((await unsyncedOf(store)).length, files.length - 1, 'all but the wheel')
  end()
  await store.awaitSynced()
  assert.deepEqual(await unsyncedOf(store), [])
  await store.close()
})

for (const [what, damage] of [
  ['has other bytes', (path) => writeFile(path, Buffer.alloc(LARGE.length))],
  ['is empty', (path) => writeFile(path, '')],
  ['is gone', (path) => rm(path)],
] satisfies [string, (path: string) => Promise<void>][]) {
  test(`a file that ${what} after a power cut is found before anything is served, and made again`, async (t) => {
    const folder = await cutPower(t, damage)
    const found: Damage[] = []
    const store = await openAfterCut(folder, { onDamage: (each) => void found.push(each) })
    assert.deepEqual(
      found.filter(({ stage }) => stage === 'found').map(({ blake3 }) => blake3),
      [LARGE_ID],
    )
    assert.deepEqual(await readLarge(store), LARGE.subarray(1))
    await store.close()
    assert.deepEqual(await findFaults(folder), [])
  })
}

test('what a power cut left whole is synced at the next start, and noted no more', async (t) => {
  const folder = await cutPower(t)
  const synced: string[] = []
  const store = await openStore(folder, new SlowDisk(async (path) => void synced.push(path)))
  assert.equal(await store.resume(), (await unsyncedOf(store)).length)
  await store.awaitSynced()
  assert.ok(synced.includes(createLayout(folder).blob(LARGE_ID)))
  assert.deepEqual(await unsyncedOf(store), [])
  await store.close()
})

test('what a power cut left without a record is not taken for a blob', async (t) => {
  const folder = await makeFolder(t)
  const store = await openStore(folder, new SlowDisk())
  const path = createLayout(folder).blob(LARGE_ID)
  await diskIo.makeFolder(join(path, '..'))
  await writeFile(path, Buffer.alloc(LARGE.length))
  await putTree(store)
  assert.deepEqual(await readLarge(store), LARGE.subarray(1))
  await store.close()
})

test('a file that cannot be synced goes out of service, whatever it looks like, and is made again when somebody asks', async (t) => {
  const folder = await makeFolder(t)
  let failures = 1
  const errors: string[] = []
  const io = new SlowDisk(async (path) => {
    if (path === createLayout(folder).blob(LARGE_ID) && failures-- > 0) {
      throw Object.assign(new Error('bad sector'), { code: 'EIO' })
    }
  })
  const store = await openStore(folder, io, { onError: (_error, task) => void errors.push(task) })
  const tree = await putTree(store)
  await store.awaitSynced()
  assert.deepEqual(errors, ['syncing the files of a tree'])
  assert.deepEqual(await findFaults(folder), [])
  assert.equal(await store.catalog.findTree(tree), undefined)
  assert.ok(await store.findManifest(tree))
  assert.deepEqual(await readLarge(store), LARGE.subarray(1))
  await store.awaitSynced()
  assert.deepEqual(await unsyncedOf(store), [])
  await store.close()
})

test('where too many files are open, what could not be synced is left to the next start', async (t) => {
  const folder = await makeFolder(t)
  const tooMany = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  const store = await openStore(folder, new SlowDisk(() => Promise.reject(tooMany)))
  const tree = await putTree(store)
  await store.close()
  const next = await openAfterCut(folder)
  assert.ok(await next.findManifest(tree))
  await next.awaitSynced()
  assert.deepEqual(await unsyncedOf(next), [])
  await next.close()
})

test('no more trees are made while much waits for the disk', async () => {
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const blobs: Partial<BlobStore> = { sync: () => isOver }
  const catalog: Partial<Catalog> = { noteSynced: () => Promise.resolve() }
  const stores = { blobs: blobs as BlobStore, catalog: catalog as Catalog }
  const { fail } = assert
  const syncs = new TreeSyncs({ ...stores, inspect: fail, withdraw: fail, onError: fail })
  const steps: string[] = []
  syncs.begin([{ id: 1, blake3: LARGE_ID }], 1)
  await syncs.awaitRoom()
  syncs.begin([{ id: 2, blake3: LARGE_ID }], 256 << 20)
  const waiting = syncs.awaitRoom().then(() => steps.push('room'))
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  steps.push('synced')
  end()
  await waiting
  assert.deepEqual(steps, ['synced', 'room'])
})
