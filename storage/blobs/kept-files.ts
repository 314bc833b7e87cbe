import { LRUCache } from 'lru-cache'
import type { Blake3 } from '../digest.ts'
import type { Io, IoFile } from '../io.ts'
import type { OpenBlob } from './blob-store.ts'
import { asDamage } from './unreadable.ts'

/**
 * Descriptors that stay open, the last used ones, shared by all readers of a blob: opening a file for each response costs more than
 * reading it. A descriptor is closed when it is neither kept nor read.
 */
export class KeptFiles {
  readonly #io: Io
  readonly #kept: LRUCache<Blake3, SharedFile>
  readonly #closing = new Set<Promise<void>>()
  /** How often {@link forget} was called: a file that was opened before and is there after must not be kept. */
  #forgotten = 0

  constructor(io: Io, max: number) {
    this.#io = io
    this.#kept = new LRUCache({ max, dispose: (file) => file.retire() })
  }

  /** Undefined where there is no such file. */
  async open(blake3: Blake3, path: string): Promise<OpenBlob | undefined> {
    const kept = this.#kept.get(blake3)
    if (kept !== undefined) return kept.lend()
    const forgotten = this.#forgotten
    const file = await this.#io.openIfPresent(path)
    if (file === undefined) return undefined
    const shared = new SharedFile(blake3, file, await this.#sizeOf(file), (closed) => this.#track(closed))
    const lent = shared.lend()
    if (forgotten === this.#forgotten && !this.#kept.has(blake3)) this.#kept.set(blake3, shared)
    else shared.retire()
    return lent
  }

  /** Call it when the file has lost its name. */
  forget(blake3: Blake3): void {
    this.#forgotten += 1
    this.#kept.delete(blake3)
  }

  /** Closes what nobody reads; the rest is closed by its last reader. */
  async close(): Promise<void> {
    this.#forgotten += 1
    this.#kept.clear()
    await Promise.all(this.#closing)
  }

  async #sizeOf(file: IoFile): Promise<number> {
    try {
      return await file.size()
    } catch (error) {
      await file.close().catch(() => {}) // best effort: the first error is the one to report
      throw error
    }
  }

  #track(closed: Promise<void>): void {
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
