/** What one read gets: big enough that its costs vanish, small enough that the bytes are still in the processor's cache when they are sent. */
export const LARGE_BYTES = 512 << 10
/** What it gets where no more is wanted, or where too many large buffers are lent: slow readers by the thousand must not take gigabytes. */
export const SMALL_BYTES = 64 << 10
/** Large buffers that may be lent at once: 64 MiB. */
const MAX_LENT = 128
/** Large buffers that wait for the next reader; a new one costs page faults. */
const MAX_FREE = 32

/** Buffers to read files into, used again and again. */
export class ReadBuffers {
  readonly #free: Buffer[] = []
  #lent = 0

  /** Large buffers that are in use. */
  get lent(): number {
    return this.#lent
  }

  /** A buffer of at least one byte for somebody who wants to read `bytes` in all. */
  lend(bytes: number): Buffer {
    if (bytes <= SMALL_BYTES) return Buffer.allocUnsafe(bytes)
    if (this.#lent >= MAX_LENT) return Buffer.allocUnsafe(SMALL_BYTES)
    this.#lent += 1
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
  }

  /** Nothing may read from it or write to it any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length !== LARGE_BYTES) return
    this.#lent -= 1
    if (this.#free.length < MAX_FREE) this.#free.push(buffer)
  }
}
