import { type Digests, Hashing } from './digest.ts'
import { asStoreError, asStoreErrors } from './blobs/store-full.ts'
import { LengthMismatchError, StoreFullError } from './errors.ts'
import type { Io, IoFile } from './io.ts'
import { OwnedIteration } from './owned-iteration.ts'

/** The last bytes that came, kept so that a follower at the head reads no byte back from the disk. */
const RECENT_BYTES = 1 << 20
/** How many bytes may wait in memory for the slowest follower where the disk is full. */
const PASSING_BYTES = 4 << 20
/** How many bytes a follower that is behind reads from the disk at once. */
const READ_BYTES = 64 << 10

export interface SpoolOptions {
  readonly io: Io
  /** A staged path (BlobStore.stage): what is complete is adopted from there. */
  readonly path: string
  /** Bytes that will come, where upstream said so. */
  readonly size: number | undefined
  /** Algorithms to compute beside SHA-256 and BLAKE3. */
  readonly algorithms?: Iterable<string>
  /** Why nothing may be written, where there is no room: the bytes are then passed on without being kept, as on a full disk. */
  readonly refusal?: StoreFullError | undefined
  /** Called before the file grows to so many bytes. If it may not, resolves with why: the rest is passed on without being kept, as on a full disk. */
  readonly makeRoom?: ((bytes: number) => Promise<StoreFullError | undefined>) | undefined
  /** Called whenever the last follower has left before all is there. */
  readonly onDeserted?: (() => void) | undefined
}

interface Chunk {
  readonly start: number
  readonly bytes: Uint8Array
}

interface Follower {
  /** The next byte that it needs. */
  position: number
}

/**
 * A download in progress that many readers can follow: one writer appends at upstream's speed, and each reader reads from
 * where it wants at its own. The bytes are hashed as they pass, once. **The last byte is withheld until {@link release}**, so that a
 * reader sees either verified bytes or an iteration that throws, never a complete body of unverified ones.
 *
 * Where the disk is full, the bytes are passed on without being kept: from then on the writer waits for the slowest follower, the
 * file goes as soon as nobody reads it any more, and {@link isKeepable} is false.
 *
 * The writer calls `append` until all is there, then `seal`, then `release`; or `fail` at any time; and `detach` at the very end.
 */
export class Spool {
  readonly path: string
  readonly size: number | undefined
  readonly #io: Io
  /** Undefined: not even the file could be made, or it went, since it cannot be kept. */
  #file: IoFile | undefined
  readonly #hashing: Hashing
  #received = 0
  /** Bytes that are on the disk; those from here to `#received` are in `#recent`. */
  #written = 0
  #writing: Promise<void> = Promise.resolve()
  #recent: Chunk[] = []
  #state: 'running' | 'sealed' | 'released' | 'failed' = 'running'
  #failure: unknown
  #wake: (() => void)[] = []
  #isWriterThere = true
  readonly #followers = new Set<Follower>()
  #diskError: StoreFullError | undefined
  #wasFollowed = false
  readonly #onDeserted: (() => void) | undefined
  readonly #makeRoom: SpoolOptions['makeRoom']

  private constructor(file: IoFile | StoreFullError, options: SpoolOptions) {
    if (file instanceof StoreFullError) this.#diskError = file
    this.#file = file instanceof StoreFullError ? undefined : file
    this.#io = options.io
    this.path = options.path
    this.size = options.size
    this.#onDeserted = options.onDeserted
    this.#makeRoom = options.makeRoom
    this.#hashing = new Hashing(options.algorithms)
  }

  static async create(options: SpoolOptions): Promise<Spool> {
    return new Spool(options.refusal ?? (await options.io.create(options.path).catch(storeFullOrThrow)), options)
  }

  /** False: it has failed, or the disk is full, so that nothing is kept. */
  get isKeepable(): boolean {
    return this.#diskError === undefined && this.#state !== 'failed'
  }

  /** False: it has failed, or some of it was passed on without being kept: whoever starts to follow now comes too late. */
  get isWhole(): boolean {
    return this.#state !== 'failed' && (this.#recent[0]?.start ?? this.#received) <= this.#written
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.#received
  }

  /** All of it was verified, and is or will be read by everybody who follows. */
  get isReleased(): boolean {
    return this.#state === 'released'
  }

  /** How many readers follow. */
  get followers(): number {
    return this.#followers.size
  }

  /**
   * Takes the next bytes, which must not change afterwards. Throws {@link LengthMismatchError} where more come than announced, and
   * {@link StoreFullError} where the disk is full and nobody follows any more. Disk errors come from this call or a later one: the writing of one chunk
   * overlaps the hashing of the next.
   */
  async append(bytes: Uint8Array): Promise<void> {
    const start = this.#received
    if (this.size !== undefined && start + bytes.length > this.size) {
      throw new LengthMismatchError(this.path, this.size, start + bytes.length)
    }
    this.#hashing.update(bytes)
    this.#recent.push({ start, bytes })
    this.#received += bytes.length
    this.#notify()
    await this.#writing
    if (this.#diskError !== undefined) {
      await this.#waitForFollowers(this.#diskError)
      return
    }
    this.#writing = this.#write(bytes, start)
    // Whoever awaits it next sees the error; until then it is not unhandled.
    this.#writing.catch(() => {})
  }

  async #write(bytes: Uint8Array, start: number): Promise<void> {
    this.#diskError =
      (await this.#makeRoom?.(start + bytes.length)) ??
      (await this.#file?.write(bytes, start).then(() => undefined, storeFullOrThrow))
    if (this.#diskError !== undefined) return
    this.#written = start + bytes.length
    this.#dropUpTo(Math.min(this.#written, this.#received - RECENT_BYTES))
  }

  /** Waits until the slowest follower is at most {@link PASSING_BYTES} behind. The one that the download was started for may not have come yet. */
  async #waitForFollowers(error: StoreFullError): Promise<void> {
    for (;;) {
      if (this.#followers.size > 0) this.#dropUpTo(Math.min(...Array.from(this.#followers, ({ position }) => position)))
      await this.#freeFile()
      // Only now: somebody may have come meanwhile.
      const isDeserted = this.#followers.size === 0
      const isTooMuch = this.#received - (this.#recent[0]?.start ?? this.#received) > PASSING_BYTES
      if (isDeserted && (this.#wasFollowed || isTooMuch)) throw error
      if (!isTooMuch) return
      await this.#nextChange()
    }
  }

  /** Removes what will not be kept, since it takes room from others; not while somebody has not read it, or may still come for all of it. */
  async #freeFile(): Promise<void> {
    const isBehind = Array.from(this.#followers).some(({ position }) => position < this.#written)
    if (this.#file === undefined || isBehind || this.isWhole) return
    await this.#closeFile()
    await this.#io.remove(this.path).catch(() => {}) // best effort: whoever made the spool removes it again
  }

  /**
   * Compares bytes that a restarted download sends again with what readers may already have.
   * `position + bytes.length` must not exceed {@link received}.
   */
  async matches(bytes: Uint8Array, position: number): Promise<boolean> {
    await this.#writing
    const kept = Buffer.allocUnsafe(bytes.length)
    const count = await this.#file?.read(kept, position)
    return count === bytes.length && kept.equals(bytes)
  }

  /** All came: checks the length, and ends the hashing. Nothing is released yet. */
  async seal(): Promise<Digests> {
    if (this.size !== undefined && this.#received !== this.size) {
      throw new LengthMismatchError(this.path, this.size, this.#received)
    }
    await this.#writing
    this.#state = 'sealed'
    return this.#hashing.finish()
  }

  /** A copy of all that came. Undefined where some of it has left memory, as of what is larger than {@link RECENT_BYTES}. */
  copyWhole(): Uint8Array | undefined {
    if (this.#recent[0]?.start !== 0) return undefined
    // Not from node's shared pool: it may stay for long, and would hold the whole slab.
    const copy = Buffer.allocUnsafeSlow(this.#received)
    for (const { start, bytes } of this.#recent) copy.set(bytes, start)
    return copy
  }

  /** The digests are right: readers get the last byte. */
  release(): void {
    this.#state = 'released'
    this.#notify()
  }

  /** fsync, before the file is adopted. Throws {@link StoreFullError}. */
  async sync(): Promise<void> {
    if (this.#diskError !== undefined) throw this.#diskError
    // Some file systems find out only now that there is no room.
    await asStoreErrors(async () => this.#file?.sync())
  }

  /** Ends a download that will not be completed: every reader's iteration throws `error`, once it has read what is there. */
  fail(error: unknown): void {
    if (this.#state === 'released' || this.#state === 'failed') return
    this.#state = 'failed'
    this.#failure = error
    this.#notify()
  }

  /** The writer is done with it. The file stays open for as long as readers follow. */
  async detach(): Promise<void> {
    await this.#writing.catch(() => {}) // It was, or will be, reported by `append` or `seal`.
    this.#isWriterThere = false
    await this.#closeIfLeft()
  }

  /**
   * Follows from `first` to `last` (both included; to the end where undefined), waiting for bytes that are not there yet. Must be iterated, or
   * given up by `return`. A chunk is valid only until the next one is asked for. Throws what {@link fail} was given, or the signal's reason.
   * Undefined: the writer and all followers have left, and the file is closed.
   */
  follow(first: number, last: number | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> | undefined {
    if (!this.#isWriterThere && this.#followers.size === 0) return undefined
    const follower = { position: first }
    this.#followers.add(follower)
    this.#wasFollowed = true
    // Once, and not for each wait: there is one wait for each chunk and follower.
    const wake = (): void => this.#notify()
    signal.addEventListener('abort', wake)
    return new OwnedIteration(this.#read(follower, last, signal), async () => {
      signal.removeEventListener('abort', wake)
      await this.#leave(follower)
    })
  }

  async *#read(
    follower: Follower,
    last: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, undefined> {
    let buffer: Buffer | undefined
    for (;;) {
      const { position } = follower
      const end = await this.#waitFor(position, last, signal)
      if (end <= position) return undefined
      let chunk = this.#findRecent(position, end)
      if (chunk === undefined) {
        buffer ??= Buffer.allocUnsafe(READ_BYTES)
        chunk = await this.#readBack(buffer, position, end)
      }
      yield chunk
      follower.position = position + chunk.length
      if (this.#diskError !== undefined) this.#notify()
    }
  }

  async #readBack(buffer: Buffer, position: number, end: number): Promise<Uint8Array> {
    const length = Math.min(buffer.length, Math.min(end, this.#written) - position)
    if (length <= 0 || this.#file === undefined) throw this.#diskError ?? new RangeError('read beyond what is written')
    return buffer.subarray(0, await this.#file.read(buffer.subarray(0, length), position))
  }

  /** Until a byte beyond `position` may be read; returns where the readable bytes end, at most after `last`. */
  async #waitFor(position: number, last: number | undefined, signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted()
      const end = Math.min(this.#readable(), last === undefined ? Infinity : last + 1)
      const isAll = this.#state === 'released' || (last !== undefined && position > last)
      if (end > position || isAll) return end
      if (this.#state === 'failed') throw this.#failure
      await this.#nextChange()
    }
  }

  #readable(): number {
    if (this.#state === 'released') return this.#received
    return Math.max(0, Math.min(this.#received, (this.size ?? this.#received) - 1))
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => void this.#wake.push(resolve))
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resume of wake) resume()
  }

  #findRecent(position: number, end: number): Uint8Array | undefined {
    const chunk = this.#recent.findLast(({ start }) => start <= position)
    if (chunk === undefined || position >= chunk.start + chunk.bytes.length) return undefined
    return chunk.bytes.subarray(position - chunk.start, Math.min(chunk.bytes.length, end - chunk.start))
  }

  #dropUpTo(position: number): void {
    const keep = this.#recent.findIndex(({ start, bytes }) => start + bytes.length > position)
    this.#recent.splice(0, keep === -1 ? this.#recent.length : keep)
  }

  async #leave(follower: Follower): Promise<void> {
    this.#followers.delete(follower)
    this.#notify()
    if (this.#followers.size === 0 && this.#state === 'running') this.#onDeserted?.()
    await this.#closeIfLeft()
  }

  async #closeIfLeft(): Promise<void> {
    if (this.#isWriterThere || this.#followers.size > 0) return
    this.#recent = []
    await this.#closeFile()
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    // Best effort: what is to be kept was fsynced, and what was read was read.
    await file?.close().catch(() => {})
  }
}

function storeFullOrThrow(error: unknown): StoreFullError {
  const translated = asStoreError(error)
  if (translated instanceof StoreFullError) return translated
  throw translated
}
