import { BlobDamagedError } from '../errors.ts'
import type { OpenBlob } from './blob-store.ts'
import { ReadBuffers } from './read-buffers.ts'

const buffers = new ReadBuffers()

/** First and last byte of a file, both included; `last` is `first - 1` where there is nothing to read. */
export interface FileRange {
  readonly first: number
  readonly last: number
}

/**
 * Reads a stretch of an open blob (the slice of a pack, or a range of it, as well) in chunks of up to 512 KiB. Takes the blob over: it is
 * closed at the end, on an error, and when the iteration is given up, but it *must be iterated*. The first chunk is read before it resolves, so that
 * a disk that fails can still become a status.
 *
 * A chunk is valid only until the next one is asked for, or the iteration is given up: while it is being sent the next is read into a second
 * buffer, and the first is then used again. So wait for the *callback* of a socket's write, not for `drain`.
 *
 * Throws {@link BlobDamagedError} where the file is shorter than the range, and the signal's reason.
 */
export async function readBlob(
  blob: OpenBlob,
  range: FileRange,
  signal: AbortSignal,
): Promise<AsyncIterableIterator<Uint8Array>> {
  const reading = new BlobReading(blob, range, signal)
  await reading.start()
  return reading
}

/** Not an async generator: one that was never started cannot be ended, and each step costs more promises. */
class BlobReading implements AsyncIterableIterator<Uint8Array> {
  readonly #blob: OpenBlob
  readonly #signal: AbortSignal
  /** Where the next read starts, and where the last one ends. */
  #position: number
  readonly #end: number
  #ahead: Promise<Uint8Array> | undefined
  /** The one that the next read fills comes first. */
  #buffers: Buffer[] = []
  #isOver = false

  constructor(blob: OpenBlob, range: FileRange, signal: AbortSignal) {
    this.#blob = blob
    this.#signal = signal
    this.#position = range.first
    this.#end = range.last + 1
  }

  async start(): Promise<void> {
    try {
      this.#signal.throwIfAborted()
      if (this.#end > this.#blob.size) throw this.#damaged(this.#blob.size)
      this.#readAhead()
      await this.#ahead
    } catch (error) {
      await this.#finish()
      throw error
    }
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      this.#signal.throwIfAborted()
      const chunk = await this.#ahead
      if (chunk !== undefined && !this.#isOver) {
        this.#readAhead()
        return { done: false, value: chunk }
      }
    } catch (error) {
      await this.#finish()
      throw error
    }
    await this.#finish()
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#finish()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #readAhead(): void {
    const rest = this.#end - this.#position
    this.#ahead = rest > 0 ? this.#read(rest) : undefined
    // Whoever asks for the chunk sees the error; until then it is not unhandled.
    this.#ahead?.catch(() => {})
  }

  async #read(rest: number): Promise<Uint8Array> {
    const buffer = this.#takeBuffer(rest)
    const target = rest < buffer.length ? buffer.subarray(0, rest) : buffer
    const count = await this.#blob.read(target, this.#position)
    if (count < target.length) throw this.#damaged(this.#position + count)
    this.#position += count
    return target
  }

  #damaged(size: number): BlobDamagedError {
    return new BlobDamagedError(this.#blob.blake3, `has only ${size} bytes, and is read up to byte ${this.#end}`)
  }

  /** The buffers take turns: when one is asked for, the other is with the consumer. */
  #takeBuffer(rest: number): Buffer {
    const buffer = this.#buffers.length === 2 ? this.#buffers.shift() : undefined
    const taken = buffer ?? buffers.lend(rest)
    this.#buffers.push(taken)
    return taken
  }

  async #finish(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    // A read that is under way still writes to its buffer.
    await this.#ahead?.catch(() => {})
    this.#ahead = undefined
    for (const buffer of this.#buffers) buffers.giveBack(buffer)
    this.#buffers = []
    this.#blob.close()
  }
}
