import { LRUCache } from 'lru-cache'
import { POLICY_VERSION } from './archive/policy.ts'
import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog, CatalogStats, PruneBudget, PruneOutcome, PrunePlan } from './catalog/catalog.ts'
import type { Clock } from './clock.ts'
import type { Blake3, Digests } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import { keepSpool } from './ingest.ts'
import type { Io } from './io.ts'
import { parseManifest } from './manifest.ts'
import type { Distribution, Sighting, Tree, TreeFile, Unpacking } from './model.ts'
import { Spool, type SpoolOptions } from './spool.ts'
import { type StoredBlob, StoredBlobs } from './stored-blobs.ts'
import { TreeRenditions } from './tree-renditions.ts'
import type { Unpacker } from './unpacker.ts'
import { Unpackings } from './unpacking.ts'

/** How often noted uses are written to the catalog, milliseconds. */
const USE_INTERVAL_MS = 30_000

/** Files of the blob store that are looked up at once. */
const ORPHAN_BATCH = 10_000

export interface StoreOptions {
  readonly io: Io
  readonly clock: Clock
  /** Whose file system fills up. */
  readonly folder: string
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly unpacker: Unpacker
  /** For small blobs, manifests and layouts, bytes. */
  readonly memoryBytes: number
  /** Told of trouble in background work, which no caller waits for. */
  readonly onError: (error: unknown, task: string) => void
}

/** A manifest in memory: the canonical bytes, what they say, and its files by path. */
export interface LoadedManifest {
  readonly tree: Tree
  readonly bytes: Uint8Array
  readonly files: ReadonlyMap<string, TreeFile>
}

/** Everything that is stored, as one thing: bytes, records, trees. It owns what it was opened with, and closes it. */
export class Store {
  readonly catalog: Catalog
  /** Whole trees, and files of them, in the forms in which they travel. */
  readonly renditions: TreeRenditions
  readonly #options: StoreOptions
  readonly #blobs: StoredBlobs
  readonly #unpackings: Unpackings
  readonly #manifests: LRUCache<Blake3, LoadedManifest>
  readonly #background = new Set<Promise<void>>()
  readonly #useTimer: NodeJS.Timeout
  #uses = new Map<Blake3, number>()
  #closing = false

  constructor(options: StoreOptions) {
    this.#options = options
    this.catalog = options.catalog
    const share = (part: number): number => Math.ceil(options.memoryBytes * part)
    this.#blobs = new StoredBlobs({ ...options, memoryBytes: share(0.6) })
    this.#unpackings = new Unpackings(options)
    // A parsed manifest takes some four times its bytes.
    this.#manifests = new LRUCache({
      maxSize: share(0.2),
      sizeCalculation: ({ bytes }) => 1024 + 4 * bytes.length,
    })
    const { blobs, unpacker } = options
    this.renditions = new TreeRenditions({
      blobs,
      catalog: options.catalog,
      layOut: (path) => unpacker.layOutTarGz(path),
      memoryBytes: share(0.2),
    })
    this.#useTimer = setInterval(() => this.#inBackground('noting uses', this.#writeUses()), USE_INTERVAL_MS)
    this.#useTimer.unref()
  }

  /** Takes up what an earlier process left: wheels that are not unpacked yet. Returns at once. */
  resume(): void {
    this.#inBackground('unpacking what was left', this.#unpackAll())
  }

  /** A new download: fill it, then {@link keep} or {@link discard} it. */
  createSpool(options: Omit<SpoolOptions, 'io' | 'path'>): Promise<Spool> {
    return Spool.create({ io: this.#options.io, path: this.#options.blobs.stage(), ...options })
  }

  /** Commits a sealed spool whose digests are right; a wheel is then unpacked in the background. */
  async keep(spool: Spool, digests: Digests, sighting: Sighting): Promise<Distribution> {
    const distribution = await keepSpool(this.#options, spool, digests, sighting)
    this.noteUse(distribution.blake3)
    return distribution
  }

  async discard(spool: Spool): Promise<void> {
    await this.#options.blobs.discard(spool.path)
  }

  /** Any stored blob. Undefined where there is none. */
  findBlob(blake3: Blake3): Promise<StoredBlob | undefined> {
    return this.#blobs.find(blake3)
  }

  /** Undefined where no such tree is stored. Throws {@link BlobDamagedError}. */
  async findManifest(id: Blake3): Promise<LoadedManifest | undefined> {
    const kept = this.#manifests.get(id)
    if (kept !== undefined) return kept
    if ((await this.catalog.findTree(id)) === undefined) return undefined
    const blob = await this.#blobs.find(id)
    if (blob === undefined) throw new BlobDamagedError(id, 'the manifest of a tree is gone')
    const bytes = blob.bytes ?? (await readWhole(blob))
    const tree = parseManifest(bytes)
    const manifest = { tree, bytes, files: new Map(tree.files.map((file) => [file.path, file])) }
    this.#manifests.set(id, manifest)
    return manifest
  }

  /** What became of a stored wheel; unpacks it where nobody did yet. */
  unpack(wheel: Blake3): Promise<Unpacking> {
    return this.#unpackings.outcomeOf(wheel)
  }

  /** The same, with nobody waiting. */
  unpackInBackground(wheel: Blake3): void {
    if (this.#closing) return
    this.#inBackground(`unpacking ${wheel}`, this.#unpackings.outcomeOf(wheel))
  }

  /** A stored distribution was asked for. Cheap: written to the catalog now and then. */
  noteUse(distribution: Blake3): void {
    this.#uses.set(distribution, this.#options.clock())
  }

  async stats(): Promise<CatalogStats & { readonly freeBytes: number }> {
    const [stats, freeBytes] = await Promise.all([
      this.catalog.stats(),
      this.#options.io.freeBytes(this.#options.folder),
    ])
    return { ...stats, freeBytes }
  }

  /** Decides what `budget` lets go; changes nothing. */
  async planPrune(budget: PruneBudget): Promise<PrunePlan> {
    await this.#writeUses()
    return this.catalog.planPrune(budget, this.#options.clock())
  }

  /** Deletes what a plan names, and files that no record names. */
  async executePrune(plan: PrunePlan): Promise<PruneOutcome> {
    const { blobs } = this.#options
    const outcome = await this.catalog.executePrune(plan, (gone) => blobs.remove(gone))
    await this.#sweepOrphans()
    this.#blobs.forget()
    this.#manifests.clear()
    this.renditions.forget()
    return outcome
  }

  /** Files that a crash left without a record. */
  async #sweepOrphans(): Promise<void> {
    const { blobs } = this.#options
    const release = (gone: readonly Blake3[]): Promise<void> => blobs.remove(gone)
    let batch: Blake3[] = []
    for await (const { blake3 } of blobs.list()) {
      batch.push(blake3)
      if (batch.length < ORPHAN_BATCH) continue
      await this.catalog.releaseOrphans(batch, release)
      batch = []
    }
    await this.catalog.releaseOrphans(batch, release)
  }

  /** Ends background work, writes what is noted, and closes what it was opened with. */
  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#useTimer)
    await this.#options.unpacker.close()
    await Promise.allSettled(this.#background)
    await this.#unpackings.settle()
    await this.#writeUses()
    await this.#options.blobs.close()
    await this.catalog.close()
  }

  async #unpackAll(): Promise<void> {
    for (const wheel of await this.catalog.listUnpackable(POLICY_VERSION)) {
      if (this.#closing) return
      await this.#unpackings.outcomeOf(wheel)
    }
  }

  async #writeUses(): Promise<void> {
    if (this.#uses.size === 0) return
    const uses = this.#uses
    this.#uses = new Map()
    await this.catalog.recordUse(uses)
  }

  #inBackground(task: string, work: Promise<unknown>): void {
    const done = this.#watch(task, work).finally(() => this.#background.delete(done))
    this.#background.add(done)
  }

  async #watch(task: string, work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      // A wheel that was pruned before its turn came is no trouble.
      if (!this.#closing && !(error instanceof StoreChangedError)) this.#options.onError(error, task)
    }
  }
}

async function readWhole(blob: StoredBlob): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(blob.size)
  let position = 0
  for await (const chunk of await blob.open(0, blob.size - 1, new AbortController().signal)) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}
