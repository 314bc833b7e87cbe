import { LRUCache } from 'lru-cache'
import type { BlobStore, OpenBlob } from './blobs/blob-store.ts'
import { readBlob } from './blobs/read-blob.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'
import type { Place } from './model.ts'

/** A blob up to this many bytes is kept in memory whole once it was read. */
const SMALL_BYTES = 1 << 20

/** A stored blob, wherever it lies. */
export interface StoredBlob {
  readonly blake3: Blake3
  readonly size: number
  /** The whole, where it is small. */
  readonly bytes: Uint8Array | undefined
  /**
   * Reads from `first` to `last`, both included. Rejects with {@link BlobDamagedError} if the file is gone; the iteration throws it if the file is
   * short. A chunk is valid only until the next one is asked for.
   */
  open(first: number, last: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

/** Blobs by digest, the small ones from memory: reading, as if there were no packs. */
export class StoredBlobs {
  readonly #catalog: Catalog
  readonly #blobs: BlobStore
  readonly #memory: LRUCache<Blake3, StoredBlob>

  constructor(options: { readonly catalog: Catalog; readonly blobs: BlobStore; readonly memoryBytes: number }) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    // What is not small costs its record only; a kilobyte is more than that takes.
    this.#memory = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: (blob) => 1024 + (blob.bytes?.length ?? 0),
    })
  }

  async find(blake3: Blake3): Promise<StoredBlob | undefined> {
    const kept = this.#memory.get(blake3)
    if (kept !== undefined) return kept
    const place = await this.#catalog.findPlace(blake3)
    if (place === undefined) return undefined
    const bytes = place.size <= SMALL_BYTES ? await this.#readWhole(blake3, place) : undefined
    const blob: StoredBlob = {
      blake3,
      size: place.size,
      bytes,
      open: (first, last, signal) => this.#open(blake3, place, { first, last, signal }),
    }
    this.#memory.set(blake3, blob)
    return blob
  }

  /** Forgets everything in memory: some of it was pruned. */
  forget(): void {
    this.#memory.clear()
  }

  async #readWhole(blake3: Blake3, place: Place): Promise<Uint8Array> {
    const { file, offset } = await this.#openFile(blake3, place)
    try {
      // Not from node's shared pool: it may stay for long, and would hold the whole slab.
      const bytes = Buffer.allocUnsafeSlow(place.size)
      const count = await file.read(bytes, offset)
      if (count !== place.size) throw new BlobDamagedError(blake3, `has ${count} bytes of ${place.size}`)
      return bytes
    } finally {
      file.close()
    }
  }

  async #open(
    blake3: Blake3,
    place: Place,
    range: { readonly first: number; readonly last: number; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const { file, offset } = await this.#openFile(blake3, place)
    return readBlob(file, { first: offset + range.first, last: offset + range.last }, range.signal)
  }

  async #openFile(blake3: Blake3, place: Place): Promise<{ file: OpenBlob; offset: number }> {
    const holder = place.kind === 'packed' ? place.pack : blake3
    const file = await this.#blobs.open(holder)
    if (file === undefined) throw new BlobDamagedError(blake3, `its file ${holder} is gone`)
    return { file, offset: place.kind === 'packed' ? place.offset : 0 }
  }
}
