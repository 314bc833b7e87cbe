import assert from 'node:assert/strict'
import { chmod, mkdtemp, open, readdir, realpath, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openDiskBlobStore } from '../../storage/blobs/disk-blob-store.ts'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { type Clock, systemClock } from '../../storage/clock.ts'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import type { Damage } from '../../storage/healing.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Distribution } from '../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { Store, type StoreOptions } from '../../storage/store.ts'
import type { StoredBlob } from '../../storage/stored-blobs.ts'
import { createUnpacker } from '../../storage/unpacker.ts'
import { someBytes } from './memory-content.ts'
import { makeWheel } from './zip-writer.ts'

const MIB = 1 << 20
const NEVER = new AbortController().signal

/** Small files, which share a pack; one of its own that is kept in memory; one that is not. */
const FILES: Readonly<Record<string, Buffer>> = {
  ...Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`spam/m${n}.py`, someBytes(1 + n * 1900, n)])),
  'spam/large.so': someBytes(200_000, 100),
  'spam/huge.so': someBytes(2 * MIB, 101),
}

export const SPAM = makeWheel({ name: 'spam', version: '1', method: 0, files: FILES, executable: ['spam/huge.so'] })

export type Place = 'pack' | 'large' | 'huge' | 'wheel'

/** A store with one unpacked wheel, on a disk that can be tampered with. */
export interface WheelStore {
  readonly store: Store
  readonly folder: string
  readonly wheel: Distribution
  readonly tree: Blake3
  /** What was told of damage. */
  readonly damages: Damage[]
  /** How often the wheel was downloaded again. */
  downloads(): number
  /** The file that holds some bytes: of the small ones, of the large one, or the wheel's. */
  pathOf(place: Place): Promise<string>
  /** Reads all of it in every form, and compares. */
  assertWhole(): Promise<void>
  /** The same store as after a restart: nothing is in memory, no descriptor is kept. */
  reopen(): Promise<WheelStore>
}

export interface WheelStoreOptions {
  /** By default upstream still has the wheel. */
  readonly hasUpstream?: () => boolean | Promise<boolean>
  readonly clock?: Clock
}

/** Opens one, which is closed and removed when the test is over. */
export async function openWheelStore(t: TestContext, options: WheelStoreOptions = {}): Promise<WheelStore> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'arbor-wheel-store-')))
  const opened: Store[] = []
  t.after(async () => {
    for (const store of opened) await store.close()
    await rm(folder, { recursive: true })
  })
  return openIn(folder, opened, options)
}

async function openIn(folder: string, opened: Store[], options: WheelStoreOptions): Promise<WheelStore> {
  const damages: Damage[] = []
  let downloads = 0
  const store = await openStore(folder, {
    ...(options.clock && { clock: options.clock }),
    onDamage: (damage) => damages.push(damage),
    async refetch() {
      downloads += 1
      if ((await options.hasUpstream?.()) === false) return false
      await keepWheel(store)
      return true
    },
  })
  opened.push(store)
  const wheel = await keepWheel(store)
  const outcome = await store.unpack(wheel.blake3)
  assert.equal(outcome.kind, 'unpacked')
  const tree = outcome.kind === 'unpacked' ? outcome.tree : wheel.blake3
  const layout = createLayout(folder)
  return {
    store,
    folder,
    wheel,
    tree,
    damages,
    downloads: () => downloads,
    async pathOf(place) {
      if (place === 'wheel') return layout.blob(wheel.blake3)
      const path = { pack: 'spam/m8.py', large: 'spam/large.so', huge: 'spam/huge.so' }[place]
      const blake3 = hashBlake3(FILES[path] ?? Buffer.of())
      const found = await store.catalog.findPlace(blake3)
      return layout.blob(found?.kind === 'packed' ? found.pack : blake3)
    },
    assertWhole: () => assertWhole(store, wheel, tree),
    async reopen() {
      await store.close()
      opened.pop()
      return openIn(folder, opened, options)
    },
  }
}

/** All of a store but upstream, as the server opens it. */
export async function openStore(folder: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const layout = createLayout(folder)
  await prepareDataFolder(diskIo, layout)
  const blobs = await openDiskBlobStore({ io: diskIo, layout })
  const catalog = await openSqliteCatalog({ path: layout.catalog })
  return new Store({
    io: diskIo,
    clock: systemClock,
    folder,
    catalog,
    blobs,
    unpacker: createUnpacker({ stage: () => blobs.stage(), findStored: (all) => catalog.findStored(all), threads: 1 }),
    memoryBytes: 16 * MIB,
    onError: (error) => {
      throw error
    },
    ...options,
  })
}

async function keepWheel(store: Store): Promise<Distribution> {
  const spool = await store.createSpool({ size: SPAM.length })
  try {
    await spool.append(SPAM)
    const digests = await spool.seal()
    spool.release()
    const filename = parseFilename('spam-1-py3-none-any.whl')
    return await store.keep(spool, digests, {
      index: parseIndexName('main'),
      project: parseProjectName('spam'),
      filename,
    })
  } finally {
    await spool.detach()
  }
}

async function assertWhole(store: Store, wheel: Distribution, tree: Blake3): Promise<void> {
  const manifest = await store.findManifest(tree)
  assert.ok(manifest, 'the tree is there')
  assert.equal(hashBlake3(manifest.bytes), tree)
  for (const [path, content] of Object.entries(FILES)) {
    const file = manifest.files.get(path)
    const blob = file && (await store.findBlob(file.blake3))
    assert.ok(blob && (await readBlob(blob)).equals(content), path)
  }
  const tar = await readAll(await (await store.renditions.archive(manifest.tree, 'tar'))?.open(undefined))
  for (const [path, content] of Object.entries(FILES)) assert.ok(tar.includes(content), `${path} in the tar`)
  assert.ok(
    (await readAll(await (await store.renditions.archive(manifest.tree, 'tar.gz'))?.open(undefined))).length > 0,
  )
  const stored = await store.findDistribution(wheel.blake3)
  assert.ok(stored && (await readBlob(stored)).equals(SPAM), 'the wheel')
}

/** Reads it through its file, or from memory. */
export async function readBlob(blob: StoredBlob): Promise<Buffer> {
  if (blob.bytes !== undefined) return Buffer.from(blob.bytes)
  return readAll(await blob.open(0, blob.size - 1, NEVER))
}

async function readAll(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks ?? []) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

export type Tampering = 'flip' | 'cut' | 'empty' | 'grow' | 'delete'

/** What a failing disk, or somebody with too many rights, does to a file. */
export async function tamper(path: string, how: Tampering): Promise<void> {
  if (how === 'delete') return rm(path)
  const { size } = await stat(path)
  await chmod(path, 0o600)
  if (how === 'cut' || how === 'empty') return truncate(path, how === 'cut' ? size - 1 : 0)
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    const position = how === 'grow' ? size : Math.floor(size / 2)
    await file.read(byte, 0, 1, position)
    await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, position)
  } finally {
    await file.close()
  }
}

/** Names in the quarantine of a data folder. */
export async function listQuarantine(folder: string): Promise<string[]> {
  return readdir(createLayout(folder).quarantine).catch(() => [])
}
