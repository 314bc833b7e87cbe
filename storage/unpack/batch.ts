import type { Blake3 } from '../digest.ts'

/** Blobs smaller than this share a pack, bytes: nineteen in twenty files, and a fourteenth of the bytes (architecture, packs). */
export const PACK_THRESHOLD = 64 * 1024

/** A batch is full with this many bytes, or this many blobs, so that one question and one write serve many. */
const FULL_BYTES = 2 * 1024 * 1024
const FULL_COUNT = 1000

/** A blob and its place among others. */
export interface PlacedBlob {
  readonly blake3: Blake3
  readonly offset: number
  readonly size: number
}

/** Blobs that wait until it is known which of them the store has. */
export class Batch {
  readonly #memory: Buffer
  #blobs: PlacedBlob[] = []
  #end = 0

  /** `memory`: where the blobs are, with room for the largest of them. */
  constructor(memory: Buffer) {
    this.#memory = memory
  }

  get digests(): Blake3[] {
    return this.#blobs.map(({ blake3 }) => blake3)
  }

  /** Room for one blob more, which only {@link keep} keeps; undefined where the batch is full. */
  findRoom(size: number): Buffer | undefined {
    const isFull = this.#blobs.length >= FULL_COUNT || this.#end + size > FULL_BYTES
    return isFull && this.#blobs.length > 0 ? undefined : this.#memory.subarray(this.#end, this.#end + size)
  }

  /** Keeps what was written into the room that was given out last. */
  keep(blake3: Blake3, size: number): void {
    this.#blobs.push({ blake3, offset: this.#end, size })
    this.#end += size
  }

  /** Those of {@link PACK_THRESHOLD} bytes or more that are not among `stored`. */
  *large(stored: ReadonlySet<Blake3>): Generator<readonly [blake3: Blake3, bytes: Buffer]> {
    for (const { blake3, offset, size } of this.#blobs) {
      if (size >= PACK_THRESHOLD && !stored.has(blake3)) yield [blake3, this.#memory.subarray(offset, offset + size)]
    }
  }

  /** The smaller ones that are not among `stored`, moved together, so that the large ones are lost. */
  joinSmall(stored: ReadonlySet<Blake3>): { readonly blobs: readonly PlacedBlob[]; readonly bytes: Buffer } {
    let end = 0
    const blobs: PlacedBlob[] = []
    for (const { blake3, offset, size } of this.#blobs) {
      if (size >= PACK_THRESHOLD || stored.has(blake3)) continue
      if (offset !== end) this.#memory.copyWithin(end, offset, offset + size)
      blobs.push({ blake3, offset: end, size })
      end += size
    }
    return { blobs, bytes: this.#memory.subarray(0, end) }
  }

  clear(): void {
    this.#blobs = []
    this.#end = 0
  }
}
