import { LengthMismatchError } from '../errors.ts'
import type { SyncIo } from '../io.ts'

/** Read ahead where an archive is read from front to back, bytes: few system calls, and it fits a processor's cache. */
const WINDOW_BYTES = 1024 * 1024
/** Reads of so many bytes, or more, get a system call of their own. */
const DIRECT_BYTES = 16 * 1024

/**
 * An archive's bytes by position, through one buffer that is used again and again, so that an archive of any size takes the
 * same memory. Close it.
 */
export class ArchiveFile {
  /** Bytes. */
  readonly size: number
  readonly #io: SyncIo
  readonly #descriptor: number
  #window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  #start = 0
  #end = 0

  constructor(io: SyncIo, path: string) {
    this.#io = io
    this.#descriptor = io.open(path)
    try {
      this.size = io.size(this.#descriptor)
    } catch (error) {
      io.close(this.#descriptor)
      throw error
    }
  }

  /**
   * These bytes, which must lie within the file, valid until the next call. The memory grows to `length`: ask for no more than
   * is known to be there and to be small. `readAhead`: bytes to read at once where they are not in memory yet.
   */
  view(position: number, length: number, readAhead = WINDOW_BYTES): Buffer {
    if (position < this.#start || position + length > this.#end) this.#fill(position, Math.max(length, readAhead))
    return this.#window.subarray(position - this.#start, position - this.#start + length)
  }

  /** Fills the buffer from `position`. Throws {@link LengthMismatchError} where the file ends before. */
  read(buffer: Uint8Array, position: number): void {
    const count = this.#io.read(this.#descriptor, buffer, position)
    if (count < buffer.length) throw new LengthMismatchError('archive', position + buffer.length, position + count)
  }

  /** As {@link read}, for many that follow each other: small ones are taken from what was read ahead. */
  readOn(buffer: Buffer, position: number): void {
    if (buffer.length < DIRECT_BYTES) this.view(position, buffer.length).copy(buffer)
    else this.read(buffer, position)
  }

  close(): void {
    this.#io.close(this.#descriptor)
  }

  #fill(position: number, wanted: number): void {
    const length = Math.min(wanted, this.size - position)
    if (length > this.#window.length) this.#window = Buffer.allocUnsafeSlow(length)
    // Empty while the read runs: it may fail half way.
    this.#start = 0
    this.#end = 0
    this.read(this.#window.subarray(0, length), position)
    this.#start = position
    this.#end = position + length
  }
}
