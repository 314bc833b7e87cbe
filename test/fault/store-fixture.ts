import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_LIMITS, nameLimits } from '../../storage/archive/policy.ts'
import type { BlobStore } from '../../storage/blobs/blob-store.ts'
import { openDiskBlobStore } from '../../storage/blobs/disk-blob-store.ts'
import { asStoreErrors } from '../../storage/blobs/store-full.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { systemClock } from '../../storage/clock.ts'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Distribution } from '../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { Store, type StoreOptions } from '../../storage/store.ts'
import type { FindStored } from '../../storage/unpack/blob-writer.ts'
import { hasHash } from '../../storage/unpack/record-hash.ts'
import { unpackWheel } from '../../storage/unpack/unpack-wheel.ts'
import type { Unpacker } from '../../storage/unpacker.ts'
import { openFilesUnder } from '../contract/blob-store.ts'
import { findFaults } from '../support/sound-store.ts'
import { withUnpackMemory } from '../support/with-unpack-memory.ts'
import { type Errno, type Fault, FaultyIo } from './faulty-io.ts'

/** Prepares a data folder, and opens all of a store in it, as the server does; but unpacks in this thread, by the same door to the disk. */
export async function openStore(folder: string, io: FaultyIo, options: Partial<StoreOptions> = {}): Promise<Store> {
  const layout = createLayout(folder)
  await prepareDataFolder(io, layout)
  const catalog = await openSqliteCatalog({ path: layout.catalog, io })
  try {
    const blobs = await openDiskBlobStore({ io, layout })
    return new Store({
      io,
      clock: systemClock,
      folder,
      catalog,
      blobs,
      unpacker: unpackHere(io, blobs, catalog),
      memoryBytes: 1 << 20,
      onError: () => {}, // What nobody waits for is seen by what it leaves.
      ...options,
    })
  } catch (error) {
    await catalog.close()
    throw error
  }
}

/** Downloads a wheel into a store as a flight does, and waits until it is kept. */
export async function put(store: Store, bytes: Buffer): Promise<Distribution> {
  const spool = await store.createSpool({ size: bytes.length })
  try {
    for (let position = 0; position < bytes.length; position += 50_000) {
      await spool.append(bytes.subarray(position, position + 50_000))
    }
    const digests = await spool.seal()
    spool.release()
    return await store.keep(spool, digests, {
      index: parseIndexName('main'),
      project: parseProjectName('faulty'),
      filename: parseFilename('faulty-1-py3-none-any.whl'),
    })
  } catch (error) {
    spool.fail(error)
    await store.discard(spool).catch(() => {}) // As a flight: what stays is swept.
    throw error
  } finally {
    await spool.detach()
  }
}

/** What an operation did to the disk. */
export type Run = Pick<FaultyIo, 'steps' | 'hits' | 'immunities'>

/** A folder for one, with nothing in it. */
export async function makeEmpty(): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-template-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

/** A data folder with what `fill` puts into it, to be copied for each run. */
export async function makeTemplate(
  fill: (store: Store) => Promise<unknown>,
): Promise<AsyncDisposable & { readonly folder: string }> {
  const empty = await makeEmpty()
  const store = await openStore(empty.folder, new FaultyIo(diskIo))
  await fill(store)
  await store.close()
  return empty
}

/**
 * Runs `operate` on a store with what the template has, on a disk that fails as told from that moment, and then again on one that works. Whatever
 * came of the first is whole, and the second succeeds.
 */
export function runOnStore(fault: Fault, template: string, operate: (store: Store) => Promise<unknown>): Promise<Run> {
  return withCopy(template, async (folder, io) => {
    const store = await openStore(folder, io)
    try {
      const run = await runArmed(io, fault, () => operate(store))
      if (run.hits > 0) await assertRepeatable(folder, store, operate)
      return run
    } finally {
      await store.close()
    }
  })
}

/** The same for opening a store, with what that takes up in the background, and closing it. */
export function runStart(fault: Fault, template: string, use: (store: Store) => Promise<unknown>): Promise<Run> {
  return withCopy(template, async (folder, io) => {
    const operate = async (): Promise<void> => {
      const store = await openStore(folder, io)
      try {
        await store.resume()
        await use(store)
      } finally {
        await store.close()
      }
    }
    const run = await runArmed(io, fault, operate)
    if (run.hits === 0) return run
    const store = await openStore(folder, io)
    await assertRepeatable(folder, store, use)
    await store.close()
    return run
  })
}

/** What there is is whole; it works now; and then a sweep leaves no file without a record. */
async function assertRepeatable(
  folder: string,
  store: Store,
  operate: (store: Store) => Promise<unknown>,
): Promise<void> {
  assert.deepEqual(await findFaults(folder), [], 'all or nothing')
  await operate(store)
  await store.executePrune(await store.planPrune({}))
  assert.deepEqual(await findFaults(folder, { isSwept: true }), [])
}

/** Whatever `work` did, nothing is left in staging, and nothing is left open. */
async function withCopy<Result>(
  template: string,
  work: (folder: string, io: FaultyIo) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-fault-'))
  const io = new FaultyIo(diskIo)
  try {
    await cp(template, folder, { recursive: true })
    const result = await work(folder, io)
    assert.deepEqual(await readdir(createLayout(folder).staging), [], 'debris')
    assert.equal(io.openFiles, 0)
    assert.deepEqual(await openFilesUnder(folder), [], 'descriptors')
    return result
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function runArmed(io: FaultyIo, fault: Fault, operate: () => Promise<unknown>): Promise<Run> {
  io.arm(fault)
  const error = await operate().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const { steps, hits, immunities } = io
  io.arm()
  if (error === undefined) return { steps, hits, immunities }
  assert.ok(hits > 0, new Error('it fails only if the disk did', { cause: error }))
  assert(error instanceof Error && 'code' in error, new Error('it says no code', { cause: error }))
  const expected = FULL.has(fault.errno) ? 'ERR_STORE_FULL' : fault.errno
  // A file that cannot be read is as good as a damaged one.
  const isUnreadable = fault.errno === 'EIO' && error.code === 'ERR_BLOB_DAMAGED'
  assert.ok(error.code === expected || isUnreadable, error)
  return { steps, hits, immunities }
}

const FULL: ReadonlySet<Errno> = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

/** Unpacks on the thread that asks. */
function unpackHere(io: FaultyIo, blobs: BlobStore, catalog: Catalog): Unpacker {
  const { signal } = new AbortController()
  const findStored: FindStored = (blake3s) => catalog.findStored(blake3s)
  return {
    limits: nameLimits(DEFAULT_LIMITS),
    hasHash: (path, listed) => asStoreErrors(() => Promise.resolve(hasHash(io.blocking, path, listed))),
    unpack(wheelPath) {
      const job = { wheelPath, staging: blobs.stage(), limits: DEFAULT_LIMITS }
      return asStoreErrors(() =>
        withUnpackMemory((memory) => unpackWheel(io.blocking, job, { findStored, memory, signal })),
      )
    },
    nameBlobs: () => undefined,
    layOutTarGz: () => Promise.reject(new Error('nobody asks for an archive here')),
    close: () => Promise.resolve(),
  }
}
