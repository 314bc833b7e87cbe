import { setTimeout as delay } from 'node:timers/promises'
import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog, RecordedFile } from './catalog/catalog.ts'
import type { Clock } from './clock.ts'
import { ScrubRunningError } from './errors.ts'
import type { DamageCounts, Healing } from './healing.ts'

/** Files that are read from the catalog at once. */
const BATCH = 1000
/** How often progress is told, milliseconds. */
const TELL_MS = 200
/** What is made good of time that was lost, milliseconds: a machine that slept does not read for hours without a pause. */
const MAX_LAG_MS = 1000

export interface ScrubOptions {
  /** Undefined: as fast as the disk reads. */
  readonly bytesPerSecond: number | undefined
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: ScrubProgress) => void) | undefined
  /** Go on where the last one was broken off, if it was. */
  readonly resume?: boolean | undefined
}

export interface ScrubProgress {
  readonly files: number
  /** Read so far. */
  readonly bytes: number
  /** What there was at the start. */
  readonly totalFiles: number
  readonly totalBytes: number
  /** Damaged or missing. */
  readonly damaged: number
}

export interface ScrubOutcome {
  readonly files: number
  readonly bytes: number
  /** Other bytes than their names promise, or such as the disk cannot read. */
  readonly damaged: number
  readonly missing: number
  readonly healed: number
  readonly notHealed: number
  /** False: it was broken off. */
  readonly complete: boolean
}

interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly healing: Healing
  readonly onError: (error: unknown, task: string) => void
}

/**
 * Reads every file that a record names, one at a time, compares it with the digest that is its name, and has healed what is damaged or missing. It can
 * be broken off at any time, and then resolves with what it did. Throws {@link ScrubRunningError}, and what keeps files from being read
 * that is not their fault.
 */
export async function scrub(stores: Stores, options: ScrubOptions): Promise<ScrubOutcome> {
  const { catalog, blobs, clock } = stores
  using claim = blobs.claimScrub()
  if (claim === undefined) throw new ScrubRunningError('another scrub of this store runs')
  // What a full disk keeps from being removed is no reason not to look.
  await blobs.sweepQuarantine(clock()).catch((error: unknown) => stores.onError(error, 'sweeping the quarantine'))
  const run = new Run(stores, options, await totalsOf(catalog))
  const start = options.resume === true ? await findPosition(catalog) : 0
  const position = await run.walk(start)
  const outcome = run.outcome(position === undefined)
  await catalog.recordRun('scrub', { endedAt: clock(), outcome: { ...outcome, position } })
  return outcome
}

/** Where the last scrub was broken off; 0 where it was not. */
async function findPosition(catalog: Catalog): Promise<number> {
  const { scrub: last } = await catalog.findRuns()
  const position = last !== undefined && 'position' in last.outcome ? last.outcome.position : 0
  return typeof position === 'number' ? position : 0
}

async function totalsOf(catalog: Catalog): Promise<Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>> {
  const { files, storedBytes } = await catalog.stats()
  return { totalFiles: files, totalBytes: storedBytes }
}

class Run {
  readonly #stores: Stores
  readonly #options: ScrubOptions
  readonly #totals: Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>
  readonly #counts = { files: 0, bytes: 0 }
  /** What could not even be taken out of service. */
  readonly #stuck = { damaged: 0, missing: 0, healed: 0, notHealed: 0 }
  readonly #before: DamageCounts
  /** When the next byte may be read, and when progress was last told. */
  #due: number
  #toldAt: number

  constructor(stores: Stores, options: ScrubOptions, totals: Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>) {
    this.#stores = stores
    this.#options = options
    this.#totals = totals
    this.#before = stores.healing.counts
    this.#due = stores.clock()
    this.#toldAt = this.#due
  }

  outcome(complete: boolean): ScrubOutcome {
    return { ...this.#counts, ...this.#damage(), complete }
  }

  /** Also that of files which were looked at for another one's sake, and of those that somebody read meanwhile. */
  #damage(): DamageCounts {
    const now = this.#stores.healing.counts
    const since = (kind: keyof DamageCounts): number => this.#stuck[kind] + now[kind] - this.#before[kind]
    return {
      damaged: since('damaged'),
      missing: since('missing'),
      healed: since('healed'),
      notHealed: since('notHealed'),
    }
  }

  /** Returns the cursor to go on after; undefined where all was seen. */
  async walk(start: number): Promise<number | undefined> {
    const { signal } = this.#options
    let position = start
    for (;;) {
      const files = await this.#stores.catalog.listFiles(position, BATCH)
      if (files.length === 0) break
      for (const file of files) {
        try {
          await this.#see(file)
        } catch (error) {
          if (signal.aborted) return position
          throw error
        }
        position = file.cursor
      }
    }
    // Files that were looked at for another one's sake may still be on their way.
    await this.#stores.healing.settle()
    this.#tell()
    return undefined
  }

  async #see({ blake3 }: RecordedFile): Promise<void> {
    const { blobs, healing, onError } = this.#stores
    const { signal } = this.#options
    signal.throwIfAborted()
    const state = await blobs.check(blake3, { signal, onRead: (bytes) => this.#passed(bytes) })
    this.#counts.files += 1
    if (state === 'sound') return this.#tellNowAndThen()
    try {
      await healing.heal(blake3)
    } catch (error) {
      onError(error, `healing ${blake3}`)
      this.#stuck[state] += 1
      this.#stuck.notHealed += 1
    }
    return this.#tell()
  }

  async #passed(bytes: number): Promise<void> {
    const { bytesPerSecond, signal } = this.#options
    this.#counts.bytes += bytes
    this.#tellNowAndThen()
    if (bytesPerSecond === undefined) return
    const now = this.#stores.clock()
    this.#due = Math.max(this.#due, now - MAX_LAG_MS) + (bytes / bytesPerSecond) * 1000
    if (this.#due > now) await delay(this.#due - now, undefined, { signal })
  }

  #tellNowAndThen(): void {
    if (this.#stores.clock() - this.#toldAt >= TELL_MS) this.#tell()
  }

  #tell(): void {
    this.#toldAt = this.#stores.clock()
    const { damaged, missing } = this.#damage()
    this.#options.onProgress?.({ ...this.#counts, ...this.#totals, damaged: damaged + missing })
  }
}
