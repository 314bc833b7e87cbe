import { LRUCache } from 'lru-cache'
import type { Blake3 } from '../digest.ts'
import { type Io, type IoFile, isOutOfDescriptors } from '../io.ts'
import type { OpenBlob } from './blob-store.ts'
import { asDamage } from './unreadable.ts'

/**
 * Descriptors that stay open, the last used ones, shared by all readers of a blob: opening a file for each response costs more than
 * reading it. A descriptor is closed when it is neither kept nor read.
 */
export class KeptFiles {
  readonly #io: Io
  readonly #kept: LRUCache<Blake3, SharedFile>
  /** What is kept, and what is only still read: a hundred readers of one file need one descriptor. */
  readonly #open = new Map<Blake3, SharedFile>()
  readonly #closing = new Set<Promise<void>>()
  /** Counts {@link forget} and {@link close}: a file whose opening began before one of these and ends after it must not be kept. */
  #forgotten = 0

  constructor(io: Io, max: number) {
    this.#io = io
    this.#kept = new LRUCache({ max, dispose: (file) => file.retire() })
  }

  /** Undefined where there is no such file. */
  async open(blake3: Blake3, path: string): Promise<OpenBlob | undefined> {
    const known = this.#kept.get(blake3) ?? this.#open.get(blake3)
    if (known !== undefined) return known.lend()
    const forgotten = this.#forgotten
    const file = await this.#openFile(path)
    if (file === undefined) return undefined
    const shared = new SharedFile(blake3, file, await this.#sizeOf(file), (closed) => this.#end(blake3, shared, closed))
    const other = this.#open.get(blake3)
    if (other !== undefined) {
      shared.retire()
      return other.lend()
    }
    const lent = shared.lend()
    if (forgotten === this.#forgotten) {
      this.#open.set(blake3, shared)
      this.#kept.set(blake3, shared)
    } else shared.retire()
    return lent
  }

  /** The blobs whose descriptors are open and would be given to the next reader. */
  names(): Blake3[] {
    return [...this.#open.keys()]
  }

  /** Call it when the file has lost its name. */
  forget(blake3: Blake3): void {
    this.#forgotten += 1
    this.#open.delete(blake3)
    this.#kept.delete(blake3)
  }

  /** Closes what nobody reads; the rest is closed by its last reader. */
  async close(): Promise<void> {
    this.#forgotten += 1
    this.#kept.clear()
    await Promise.all(this.#closing)
  }

  /** Where there is no descriptor left, those that nobody reads are given up for the one that is wanted. */
  async #openFile(path: string): Promise<IoFile | undefined> {
    try {
      return await this.#io.openIfPresent(path)
    } catch (error) {
      if (!isOutOfDescriptors(error) || this.#kept.size === 0) throw error
      this.#kept.clear()
      await Promise.all(this.#closing)
      return this.#io.openIfPresent(path)
    }
  }

  async #sizeOf(file: IoFile): Promise<number> {
    try {
      return await file.size()
    } catch (error) {
      await file.close().catch(() => {}) // best effort: the first error is the one to report
      throw error
    }
  }

  #end(blake3: Blake3, file: SharedFile, closed: Promise<void>): void {
    if (this.#open.get(blake3) === file) this.#open.delete(blake3)
    // A file that was only read loses nothing if its closing fails.
    const settled = closed.catch(() => {}).finally(() => this.#closing.delete(settled))
    this.#closing.add(settled)
  }
}

/** One descriptor with the number of those who read from it. */
class SharedFile {
  readonly #blake3: Blake3
  readonly #file: IoFile
  readonly #size: number
  readonly #onClose: (closed: Promise<void>) => void
  #readers = 0
  #isRetired = false

  constructor(blake3: Blake3, file: IoFile, size: number, onClose: (closed: Promise<void>) => void) {
    this.#blake3 = blake3
    this.#file = file
    this.#size = size
    this.#onClose = onClose
  }

  /** Must not be called once it is retired and nobody reads it. */
  lend(): OpenBlob {
    this.#readers += 1
    let isOpen = true
    return {
      blake3: this.#blake3,
      size: this.#size,
      read: (buffer, position) =>
        this.#file.read(buffer, position).catch((error: unknown) => {
          throw asDamage(this.#blake3, error)
        }),
      stamp: () => this.#file.stamp(),
      close: () => {
        if (!isOpen) return
        isOpen = false
        this.#readers -= 1
        this.#closeIfUnused()
      },
    }
  }

  /** It is not kept any more. */
  retire(): void {
    this.#isRetired = true
    this.#closeIfUnused()
  }

  #closeIfUnused(): void {
    if (this.#isRetired && this.#readers === 0) this.#onClose(this.#file.close())
  }
}
