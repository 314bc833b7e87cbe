import { setTimeout as delay } from 'node:timers/promises'
import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog, RecordedFile } from './catalog/catalog.ts'
import { type Clock, hasPassed } from './clock.ts'
import { ScrubRunningError } from './errors.ts'
import type { DamageCounts, Healing } from './healing.ts'
import { untilAborted } from './until-aborted.ts'

/** How many records of files are read from the catalog at once. */
const BATCH = 1000
/** How often progress is told, milliseconds. */
const TELL_MS = 200
/** How far a scrub that fell behind its pace may catch up, milliseconds: after a machine slept, it must not read for hours at full speed. */
const MAX_LAG_MS = 1000
/** How often a scrub saves its position, milliseconds. After a crash, what was read since then is read again. */
const NOTE_MS = 30_000
/** How long a scrub that was broken off can be continued, milliseconds. What it saw then says little, and the next one starts at the beginning. */
const MAX_REST_MS = 7 * 24 * 3_600_000

export interface ScrubOptions {
  /** Undefined: as fast as the disk reads. */
  readonly bytesPerSecond: number | undefined
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: ScrubProgress) => void) | undefined
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
 * Reads every file that a record names, one at a time, compares it with the digest that is its name, and heals those that are damaged or missing. It can
 * be broken off at any time, and then resolves with what it did. The next scrub, in any process and also after a crash, goes on from there, and counts
 * what was done before. Throws {@link ScrubRunningError}, and any error of reading that is not the file's fault.
 */
export async function scrub(stores: Stores, options: ScrubOptions): Promise<ScrubOutcome> {
  const { catalog, blobs, clock } = stores
  using claim = blobs.claimScrub()
  if (claim === undefined) throw new ScrubRunningError('another scrub of this store runs')
  // On a full disk this may fail, which is no reason not to scrub.
  await blobs.sweepQuarantine(clock()).catch((error: unknown) => stores.onError(error, 'sweeping the quarantine'))
  const before = await findPosition(stores)
  const run = new Run(stores, options, { totals: await totalsOf(catalog), done: before?.done ?? NOTHING })
  const isComplete = await run.walk(before?.cursor ?? 0)
  const outcome = { ...run.done, complete: isComplete }
  await catalog.recordRun('scrub', { endedAt: clock(), outcome })
  return outcome
}

type Done = Omit<ScrubOutcome, 'complete'>

const NOTHING: Done = { files: 0, bytes: 0, damaged: 0, missing: 0, healed: 0, notHealed: 0 }

/** Where the last scrub was broken off, if it was. */
async function findPosition({ catalog, clock }: Stores): Promise<{ cursor: number; done: Done } | undefined> {
  const position = await catalog.findScrubPosition()
  if (position === undefined || clock() - position.at > MAX_REST_MS) return undefined
  return { cursor: position.cursor, done: { ...NOTHING, ...position.done } }
}

async function totalsOf(catalog: Catalog): Promise<Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>> {
  const { files, storedBytes } = await catalog.stats()
  return { totalFiles: files, totalBytes: storedBytes }
}

class Run {
  readonly #stores: Stores
  readonly #options: ScrubOptions
  readonly #totals: Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>
  readonly #counts: { files: number; bytes: number }
  /** What healing did not count since the start: what earlier, broken-off parts of this scrub found, and files whose healing failed. */
  readonly #damaged: { damaged: number; missing: number; healed: number; notHealed: number }
  /** What healing had counted at the start. */
  readonly #before: DamageCounts
  /** When the next byte may be read, when progress was last told, and when the position was last noted. */
  #due: number
  #toldAt: number
  #notedAt: number

  constructor(
    stores: Stores,
    options: ScrubOptions,
    { totals, done }: { readonly totals: Pick<ScrubProgress, 'totalFiles' | 'totalBytes'>; readonly done: Done },
  ) {
    const { files, bytes, ...damaged } = done
    this.#stores = stores
    this.#options = options
    this.#totals = totals
    this.#counts = { files, bytes }
    this.#damaged = damaged
    this.#before = stores.healing.counts
    this.#due = stores.clock()
    this.#toldAt = this.#due
    this.#notedAt = this.#due
  }

  /** Of this scrub as a whole, with its earlier parts that were broken off. */
  get done(): Done {
    return { ...this.#counts, ...this.#damage() }
  }

  /** All damage since the start. Some was not found by the walk itself: files that were checked when another was healed, or that somebody read. */
  #damage(): DamageCounts {
    const now = this.#stores.healing.counts
    const since = (kind: keyof DamageCounts): number => this.#damaged[kind] + now[kind] - this.#before[kind]
    return {
      damaged: since('damaged'),
      missing: since('missing'),
      healed: since('healed'),
      notHealed: since('notHealed'),
    }
  }

  /** Looks at all files after this cursor. False: it was broken off. */
  async walk(start: number): Promise<boolean> {
    const { catalog, clock } = this.#stores
    let position = { cursor: start, done: this.done }
    for (;;) {
      const files = await catalog.listFiles(position.cursor, BATCH)
      if (files.length === 0) break
      for (const file of files) {
        try {
          await this.#see(file)
        } catch (error) {
          if (!this.#options.signal.aborted) throw error
          await this.#note(position)
          return false
        }
        position = { cursor: file.cursor, done: this.done }
        if (hasPassed(NOTE_MS, this.#notedAt, clock())) await this.#note(position)
      }
    }
    // Files that are checked because another was healed may still be under way.
    await untilAborted(this.#stores.healing.settle(), this.#options.signal).catch(() => {}) // all was looked at
    this.#tell()
    await catalog.saveScrubPosition(undefined)
    return true
  }

  /** Best effort: from an older position, the next scrub only reads some files again. */
  async #note({ cursor, done }: { readonly cursor: number; readonly done: Done }): Promise<void> {
    const { catalog, clock, onError } = this.#stores
    this.#notedAt = clock()
    await catalog
      .saveScrubPosition({ cursor, at: this.#notedAt, done: { ...done } })
      .catch((error: unknown) => onError(error, 'noting how far the scrub has come'))
  }

  async #see({ blake3 }: RecordedFile): Promise<void> {
    const { blobs, healing, onError } = this.#stores
    const { signal } = this.#options
    signal.throwIfAborted()
    const state = await blobs.check(blake3, { signal, onRead: (bytes) => this.#passed(bytes) })
    this.#counts.files += 1
    if (state === 'sound') return this.#tellNowAndThen()
    try {
      // Healing may wait for a download, and for an unpacking. They go on if we stop waiting.
      await untilAborted(healing.heal(blake3), signal)
    } catch (error) {
      signal.throwIfAborted()
      onError(error, `healing ${blake3}`)
      this.#damaged[state] += 1
      this.#damaged.notHealed += 1
    }
    return this.#tell()
  }

  async #passed(bytes: number): Promise<void> {
    const { bytesPerSecond, signal } = this.#options
    this.#counts.bytes += bytes
    this.#tellNowAndThen()
    if (bytesPerSecond === undefined) return
    const now = this.#stores.clock()
    // Only a clock that was set back makes a piece due so far ahead.
    const due = this.#due > now + MAX_LAG_MS ? now : Math.max(this.#due, now - MAX_LAG_MS)
    this.#due = due + (bytes / bytesPerSecond) * 1000
    if (this.#due > now) await delay(this.#due - now, undefined, { signal })
  }

  #tellNowAndThen(): void {
    if (hasPassed(TELL_MS, this.#toldAt, this.#stores.clock())) this.#tell()
  }

  #tell(): void {
    this.#toldAt = this.#stores.clock()
    const { damaged, missing } = this.#damage()
    this.#options.onProgress?.({ ...this.#counts, ...this.#totals, damaged: damaged + missing })
  }
}
