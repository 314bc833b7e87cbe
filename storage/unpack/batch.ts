import type { Blake3 } from '../digest.ts'

/** Blobs smaller than this share a pack, bytes: nineteen in twenty files, and a fourteenth of the bytes (architecture, packs). */
export const PACK_THRESHOLD = 64 * 1024

/** A batch is full with this many bytes, or this many blobs, so that one question and one write serve many. */
const BATCH_BYTES = 2 * 1024 * 1024
const BATCH_COUNT = 1000

/** A small blob in the memory of its batch. */
export interface SmallBlob {
  readonly blake3: Blake3
  readonly offset: number
  readonly size: number
}

export interface MediumBlob {
  readonly blake3: Blake3
  readonly bytes: Buffer
}

/** Blobs that wait until it is known which of them the store has. */
export class Batch {
  readonly #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES)
  #small: SmallBlob[] = []
  #medium: MediumBlob[] = []
  #smallBytes = 0
  #mediumBytes = 0

  get medium(): readonly MediumBlob[] {
    return this.#medium
  }

  get digests(): Blake3[] {
    return [...this.#small, ...this.#medium].map(({ blake3 }) => blake3)
  }

  /** Is there room for so many bytes more? */
  hasRoom(size: number): boolean {
    const count = this.#small.length + this.#medium.length
    return count === 0 || (count < BATCH_COUNT && this.#smallBytes + this.#mediumBytes + size <= BATCH_BYTES)
  }

  /** Copies a small blob, and keeps a larger one as it is. */
  add(blake3: Blake3, bytes: Buffer): void {
    if (bytes.length >= PACK_THRESHOLD) {
      this.#medium.push({ blake3, bytes })
      this.#mediumBytes += bytes.length
      return
    }
    this.#small.push({ blake3, offset: this.#smallBytes, size: bytes.length })
    this.#smallBytes += bytes.copy(this.#bytes, this.#smallBytes)
  }

  /** The small ones that are not among `stored`, and their bytes without a gap, valid until {@link clear}. */
  takeSmall(stored: ReadonlySet<Blake3>): { readonly blobs: readonly SmallBlob[]; readonly bytes: Buffer } {
    let end = 0
    const blobs: SmallBlob[] = []
    for (const { blake3, offset, size } of this.#small) {
      if (stored.has(blake3)) continue
      if (offset !== end) this.#bytes.copyWithin(end, offset, offset + size)
      blobs.push({ blake3, offset: end, size })
      end += size
    }
    return { blobs, bytes: this.#bytes.subarray(0, end) }
  }

  clear(): void {
    this.#small = []
    this.#medium = []
    this.#smallBytes = 0
    this.#mediumBytes = 0
  }
}
