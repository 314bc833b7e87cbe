import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type ArchiveLimits, DEFAULT_LIMITS } from '../../storage/archive/policy.ts'
import { openDiskBlobStore } from '../../storage/blobs/disk-blob-store.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { type Blake3, hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Unpacking } from '../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { TreeSyncs } from '../../storage/tree-syncs.ts'
import { createUnpacker } from '../../storage/unpacker.ts'
import { Unpackings } from '../../storage/unpacking.ts'
import { makeWheel } from '../support/zip-writer.ts'

const MIB = 1 << 20
const INFO = 'spam-1.dist-info'

interface Bench extends AsyncDisposable {
  readonly catalog: Catalog
  readonly unpackings: Unpackings
  keep(wheel: Buffer): Promise<Blake3>
  find(wheel: Blake3): Promise<Unpacking | undefined>
}

function fail(error: unknown): never {
  throw error
}

/** Wheels to be unpacked under these limits. */
function listed({ catalog }: Bench, limits: string): Promise<readonly Blake3[]> {
  return catalog.listUnpackable(1, limits)
}

async function open(folder: string, limits: Partial<ArchiveLimits> = {}): Promise<Bench> {
  const layout = createLayout(folder)
  await prepareDataFolder(diskIo, layout)
  const blobs = await openDiskBlobStore({ io: diskIo, layout })
  const catalog = await openSqliteCatalog({ path: layout.catalog })
  const findStored = (blake3s: readonly Blake3[]): Promise<ReadonlySet<Blake3>> => catalog.findStored(blake3s)
  const unpacker = createUnpacker({ stage: () => blobs.stage(), findStored, limits, threads: 1 })
  const syncs = new TreeSyncs({ blobs, catalog, inspect: fail, withdraw: fail, onError: fail })
  const unpackings = new Unpackings({ blobs, catalog, syncs, unpacker, onError: fail, heal: async () => 'sound' })
  return {
    catalog,
    unpackings,
    async keep(wheel) {
      const path = blobs.stage()
      await writeFile(path, wheel)
      const blake3 = hashBlake3(wheel)
      await blobs.adopt([{ path, blake3 }])
      const sighting = { index: parseIndexName('main'), project: parseProjectName('spam') }
      await catalog.addDistribution(
        { blake3, sha256: hashSha256(wheel), size: wheel.length, storedAt: 1 },
        { ...sighting, filename: parseFilename('spam-1-py3-none-any.whl') },
      )
      return blake3
    },
    find: async (hex) => (await catalog.findDistribution({ algorithm: 'blake3', hex }))?.unpacking,
    async [Symbol.asyncDispose]() {
      await unpacker.close()
      await unpackings.settle()
      await syncs.settle()
      await blobs.close()
      await catalog.close()
    },
  }
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-unpacking-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

const LARGE = { 'spam/large.so': Buffer.alloc(5 * MIB, 'large') }
const NO_RATIO = { maxRatio: 10_000 }

test("a tree is there before RECORD's verdict on its large files, which is waited for by who wants it", async (t) => {
  await using bench = await open(await makeFolder(t), NO_RATIO)
  const wheel = await bench.keep(makeWheel({ name: 'spam', version: '1', files: LARGE }))
  const outcome = await bench.unpackings.outcomeOf(wheel)
  assert.ok(outcome.kind === 'unpacked' && outcome.record === 'pending')
  assert.ok(await bench.catalog.findTree(outcome.tree))
  assert.deepEqual(await bench.catalog.listUnchecked(), [wheel])
  assert.equal(await bench.unpackings.recordOf(wheel), 'ok')
  assert.deepEqual(await bench.find(wheel), { ...outcome, record: 'ok' })
  assert.deepEqual(await bench.catalog.listUnchecked(), [])
})

test('a large file that is not what RECORD says is found out', async (t) => {
  await using bench = await open(await makeFolder(t), NO_RATIO)
  const record = `spam/large.so,sha256=${'A'.repeat(43)},${5 * MIB}\n`
  const files = { ...LARGE, [`${INFO}/RECORD`]: Buffer.from(record) }
  const wheel = await bench.keep(makeWheel({ name: 'spam', version: '1', files }))
  await bench.unpackings.outcomeOf(wheel)
  assert.equal(await bench.unpackings.recordOf(wheel), 'hashes')
})

test('where RECORD has another size for a large file, that is the verdict at once', async (t) => {
  await using bench = await open(await makeFolder(t), NO_RATIO)
  const files = { ...LARGE, [`${INFO}/RECORD`]: Buffer.from(`spam/large.so,sha256=${'A'.repeat(43)},1\n`) }
  const wheel = await bench.keep(makeWheel({ name: 'spam', version: '1', files }))
  const outcome = await bench.unpackings.outcomeOf(wheel)
  assert.ok(outcome.kind === 'unpacked' && outcome.record === 'hashes')
})

test('a verdict that an earlier process did not come to is made up for', async (t) => {
  const folder = await makeFolder(t)
  const wheel = makeWheel({ name: 'spam', version: '1', files: LARGE })
  const blake3 = hashBlake3(wheel)
  {
    await using first = await open(folder, NO_RATIO)
    await first.keep(wheel)
    await first.unpackings.outcomeOf(blake3)
    // It ends here; at once, as far as its threads are concerned.
  }
  await using second = await open(folder, NO_RATIO)
  assert.deepEqual(await second.catalog.listUnchecked(), [blake3])
  await second.unpackings.resume(new AbortController().signal)
  await second.unpackings.settle()
  const outcome = await second.find(blake3)
  assert.ok(outcome?.kind === 'unpacked' && outcome.record === 'ok')
})

test('a wheel that a limit refused is tried again under other limits, and only then', async (t) => {
  const folder = await makeFolder(t)
  const wheel = makeWheel({ name: 'spam', version: '1', files: { a: 'a', b: 'b', c: 'c' } })
  const blake3 = hashBlake3(wheel)
  let strict = ''
  {
    await using first = await open(folder, { maxEntries: 4 })
    await first.keep(wheel)
    const refusal = await first.unpackings.outcomeOf(blake3)
    assert.ok(refusal.kind === 'refused' && refusal.reason === 'limit' && refusal.limits !== undefined)
    assert.deepEqual(await first.find(blake3), refusal)
    strict = refusal.limits
    assert.deepEqual(await listed(first, strict), [])
    assert.deepEqual(await listed(first, 'others'), [blake3])
  }
  {
    await using second = await open(folder, { maxEntries: 5 })
    const refusal = await second.unpackings.outcomeOf(blake3)
    assert.ok(refusal.kind === 'refused' && refusal.limits !== strict, 'it was asked again, and 5 are too few still')
  }
  await using third = await open(folder, DEFAULT_LIMITS)
  assert.equal((await third.unpackings.outcomeOf(blake3)).kind, 'unpacked')
  assert.deepEqual(await listed(third, 'others'), [])
})

test('a refusal that no limit is the reason of stays, whatever the limits', async (t) => {
  const folder = await makeFolder(t)
  const bytes = Buffer.from('no zip')
  {
    await using first = await open(folder)
    await first.keep(bytes)
    assert.equal((await first.unpackings.outcomeOf(hashBlake3(bytes))).kind, 'refused')
  }
  await using second = await open(folder, { maxEntries: 1 })
  assert.deepEqual(await second.catalog.listUnpackable(1, 'others'), [])
  const refusal = await second.find(hashBlake3(bytes))
  assert.ok(refusal?.kind === 'refused' && refusal.limits === undefined)
})
