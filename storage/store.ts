import { andThen, type AtHand } from './at-hand.ts'
import type { BlobStore } from './blobs/blob-store.ts'
import { inParallel } from './blobs/in-parallel.ts'
import type { Catalog, CatalogStats, ExecuteOptions, PruneBudget, PruneOutcome, PrunePlan } from './catalog/catalog.ts'
import { claim } from './claim.ts'
import type { Clock } from './clock.ts'
import type { Blake3, Digests } from './digest.ts'
import { BlobDamagedError, StoreChangedError, StoreClosedError, StoreFullError } from './errors.ts'
import { type Damage, Healing } from './healing.ts'
import { keepSpool } from './ingest.ts'
import type { Io } from './io.ts'
import { createLayout } from './layout.ts'
import { Lull } from './lull.ts'
import { type LoadedManifest, Manifests } from './manifests.ts'
import type { Distribution, DistributionRecord, RecordVerdict, Sighting, Unpacking } from './model.ts'
import { sweepOrphans } from './orphans.ts'
import { scrub, type ScrubOptions, type ScrubOutcome } from './scrub.ts'
import { Spool, type SpoolOptions } from './spool.ts'
import { SoundBlobs } from './sound-blobs.ts'
import { type StoredBlob, StoredBlobs } from './stored-blobs.ts'
import { TreeRenditions } from './tree-renditions.ts'
import { TreeSyncs } from './tree-syncs.ts'
import type { Unpacker } from './unpacker.ts'
import { Unpackings } from './unpacking.ts'

/** How often noted uses are written to the catalog, milliseconds. */
const USE_INTERVAL_MS = 30_000

export type { LoadedManifest } from './manifests.ts'
export type { ScrubOptions, ScrubOutcome, ScrubProgress } from './scrub.ts'

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
  /** Downloads a distribution again whose file is damaged or gone; false: nobody has it any more. */
  readonly refetch?: (record: DistributionRecord) => Promise<boolean>
  /** Told of each file that is found damaged or gone, and of what came of it. */
  readonly onDamage?: (damage: Damage) => void
}

/** Everything that is stored, as one thing: bytes, records, trees. It owns what it was opened with, and closes it. */
export class Store {
  readonly catalog: Catalog
  /** Whole trees, and files of them, in the forms in which they travel. */
  readonly renditions: TreeRenditions
  readonly #options: StoreOptions
  readonly #blobs: StoredBlobs
  readonly #unpackings: Unpackings
  readonly #syncs: TreeSyncs
  readonly #healing: Healing
  readonly #manifests: Manifests
  /** For work that waits until no download runs. */
  readonly #lull = new Lull()
  readonly #background = new Set<Promise<void>>()
  readonly #useTimer: NodeJS.Timeout
  /** When distributions and trees were last used; not yet in the catalog. */
  #uses = new Map<Blake3, number>()
  readonly #ending = new AbortController()
  #generation = 0
  #closing = false

  constructor(options: StoreOptions) {
    this.#options = options
    this.catalog = options.catalog
    const share = (part: number): number => Math.ceil(options.memoryBytes * part)
    const { catalog, blobs, unpacker } = options
    const healing = new Healing({
      ...options,
      unpack: (wheel) => this.#unpackings.outcomeOf(wheel),
      onCondemned: () => this.#forget(),
      onDamage: (damage) => {
        // Whatever was answered otherwise during the damage is to be looked up anew.
        if (damage.stage === 'healed') this.#generation += 1
        options.onDamage?.(damage)
      },
    })
    this.#healing = healing
    const sound = new SoundBlobs(options.clock)
    this.#blobs = new StoredBlobs({ catalog, blobs, mender: healing, sound, memoryBytes: share(0.6) })
    const layout = createLayout(options.folder)
    this.#syncs = new TreeSyncs({
      ...options,
      inspect: (file) => healing.inspect(file),
      withdraw: (file) => healing.withdraw(file),
    })
    this.#unpackings = new Unpackings({
      ...options,
      syncs: this.#syncs,
      heal: (wheel) => healing.heal(wheel),
      claim: (wheel) => claim(options.io, layout.unpackLock(wheel), { signal: this.#ending.signal }),
    })
    this.#manifests = new Manifests({ catalog, blobs: this.#blobs, healing, memoryBytes: share(0.2) })
    this.renditions = new TreeRenditions({
      blobs,
      catalog,
      mender: healing,
      sound,
      layOut: (path) => unpacker.layOutTarGz(path),
      memoryBytes: share(0.2),
    })
    this.#useTimer = setInterval(() => {
      this.#inBackground('noting uses', this.#writeUses())
      this.#inBackground('closing removed files', options.blobs.forgetRemoved())
    }, USE_INTERVAL_MS)
    this.#useTimer.unref()
  }

  /**
   * Takes up what an earlier process left: files that it may not have had on the disk, wheels that are not unpacked yet, pages of an older version.
   * Resolves with how many files it looked at, when nothing damaged is served any more; the rest is done in the background.
   */
  async resume(): Promise<number> {
    const checked = await this.#syncs.resume().catch((error: unknown) => {
      this.#options.onError(error, 'checking files that were not synced')
      return 0
    })
    this.#inBackground('unpacking what was left', this.#unpackings.resume(this.#ending.signal))
    this.#inBackground('noting what pages list', this.catalog.completeListings({ signal: this.#ending.signal }))
    return checked
  }

  /** A new download: fill it, then {@link keep} or {@link discard} it. */
  async createSpool(options: Omit<SpoolOptions, 'io' | 'path'>): Promise<Spool> {
    const spool = await Spool.create({ io: this.#options.io, path: this.#options.blobs.stage(), ...options })
    this.#lull.begin(spool)
    return spool
  }

  /** Commits a sealed spool whose digests are right. */
  async keep(spool: Spool, digests: Digests, sighting: Sighting): Promise<Distribution> {
    const generation = this.#generation
    const distribution = await keepSpool(this.#options, spool, digests, sighting)
    this.#lull.end(spool)
    this.#healing.noteKept(distribution.blake3)
    this.noteUse(distribution.blake3)
    // If memory was forgotten since, it may have been for this very file, pruned or damaged.
    if (generation === this.#generation) this.#blobs.remember(distribution, () => spool.copyWhole())
    return distribution
  }

  async discard(spool: Spool): Promise<void> {
    this.#lull.end(spool)
    await this.#options.blobs.discard(spool.path)
  }

  /** Any stored blob. Undefined where there is none. Throws {@link BlobDamagedError} where a distribution has lost its file. */
  findBlob(blake3: Blake3): AtHand<StoredBlob | undefined> {
    return andThen(this.#blobs.find(blake3), (blob) => blob ?? this.#findHealed(blake3))
  }

  /**
   * The bytes of a stored distribution. Undefined where they are damaged or gone, even if it has a record: the caller then downloads it.
   */
  findDistribution(blake3: Blake3): AtHand<StoredBlob | undefined> {
    const found = this.#blobs.find(blake3)
    return found instanceof Promise ? found.catch(undefinedIfDamaged) : found
  }

  /** Changes whenever everything in memory is forgotten, or something is healed: what was found before may be gone, or there is better now. */
  get generation(): number {
    return this.#generation
  }

  /** Undefined where no such tree is stored. Throws {@link BlobDamagedError}. */
  findManifest(id: Blake3): AtHand<LoadedManifest | undefined> {
    return this.#manifests.find(id)
  }

  /** What became of a stored wheel; unpacks it where nobody did yet. */
  unpack(wheel: Blake3): Promise<Unpacking> {
    return this.#unpackings.outcomeOf(wheel)
  }

  /** RECORD's verdict on an unpacked wheel, waited for while it is being made; `pending` where it is not. */
  recordOf(wheel: Blake3): Promise<RecordVerdict | 'pending'> {
    return this.#unpackings.recordOf(wheel)
  }

  /** Waits until all trees that were made survive a power cut. */
  awaitSynced(): Promise<void> {
    return this.#syncs.settle()
  }

  /** Has a stored wheel unpacked in the background, at once. */
  unpackInBackground(wheel: Blake3): void {
    if (this.#closing) return
    this.#inBackground(`unpacking ${wheel}`, this.#unpackings.outcomeOf(wheel))
  }

  /** Has a stored wheel unpacked in the background, between downloads: for a tree that nobody has asked for. */
  unpackLater(wheel: Blake3): void {
    if (this.#closing) return
    const unpacking = this.awaitLull(this.#ending.signal).then(() => this.#unpackings.outcomeOf(wheel))
    this.#inBackground(`unpacking ${wheel}`, unpacking)
  }

  /** Resolves between downloads, for what would take processors from those who wait for one. Rejects when the signal is aborted. */
  awaitLull(signal: AbortSignal): Promise<void> {
    return this.#lull.wait(signal)
  }

  /** A stored distribution was asked for, or something of a tree. Cheap: written to the catalog now and then. */
  noteUse(distributionOrTree: Blake3): void {
    this.#uses.set(distributionOrTree, this.#options.clock())
  }

  async stats(): Promise<CatalogStats & { readonly freeBytes: number; readonly damaged: number }> {
    const [stats, freeBytes] = await Promise.all([
      this.catalog.stats(),
      this.#options.io.freeBytes(this.#options.folder),
    ])
    return { ...stats, freeBytes, damaged: this.#healing.found }
  }

  /** Decides what `budget` lets go; changes nothing. */
  async planPrune(budget: PruneBudget): Promise<PrunePlan> {
    await this.#writeUses().catch(unlessFull)
    const freeBytes = await this.#options.io.freeBytes(this.#options.folder)
    return this.catalog.planPrune(budget, this.#options.clock(), { freeBytes })
  }

  /** Deletes what a plan names, and, unless it is partial, files that no record names. */
  async executePrune(plan: PrunePlan, options: ExecuteOptions = {}): Promise<PruneOutcome> {
    const { blobs } = this.#options
    // What is in memory may be gone also if it fails half-way.
    const executing = this.catalog.executePrune(plan, (gone) => blobs.remove(gone), options)
    const outcome = await executing.finally(() => this.#forget())
    if (options.isPartial === true) return outcome
    await sweepOrphans(this.catalog, blobs, options.signal)
    await this.catalog.recordRun('prune', { endedAt: this.#options.clock(), outcome })
    return outcome
  }

  /** Checks every file, and heals those that are damaged or missing. Throws {@link ScrubRunningError}. */
  async scrub(options: ScrubOptions): Promise<ScrubOutcome> {
    const signal = AbortSignal.any([options.signal, this.#ending.signal])
    const scrubbing = scrub({ ...this.#options, healing: this.#healing }, { ...options, signal })
    this.#inBackground(
      'scrubbing',
      scrubbing.catch(() => {}),
    ) // the caller hears of it
    return scrubbing
  }

  /** Ends background work, writes what is noted, and closes what it was opened with. */
  async close(): Promise<void> {
    this.#closing = true
    this.#ending.abort(new StoreClosedError('the store is closed'))
    clearInterval(this.#useTimer)
    await this.#options.unpacker.close()
    await Promise.allSettled(this.#background)
    await this.#healing.settle()
    await this.#unpackings.settle()
    await this.#syncs.settle()
    await this.#writeUses().catch(unlessFull)
    // Each of them, whatever becomes of the other.
    await inParallel([this.#options.blobs, this.catalog], 1, (part) => part.close())
  }

  /** A blob without a place may have lost it just now, because its file is damaged and being healed. */
  async #findHealed(blake3: Blake3): Promise<StoredBlob | undefined> {
    if (!this.#healing.isRunning) return undefined
    await this.#healing.settleTrees()
    return this.#blobs.find(blake3)
  }

  #forget(): void {
    this.#generation += 1
    this.#blobs.forget()
    this.#manifests.forget()
    this.renditions.forget()
  }

  async #writeUses(): Promise<void> {
    if (this.#uses.size === 0) return
    const uses = this.#uses
    this.#uses = new Map()
    // Where some are missing, another process has pruned what this one still has in memory.
    if ((await this.catalog.findStored([...uses.keys()])).size < uses.size) this.#forget()
    try {
      await this.catalog.recordUse(uses)
    } catch (error) {
      this.#uses = new Map([...uses, ...this.#uses])
      throw error
    }
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

/** A full disk is no reason to fail before a prune, which makes room, or at the end. */
function unlessFull(error: unknown): void {
  if (!(error instanceof StoreFullError)) throw error
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof BlobDamagedError)) throw error
}
