import { LRUCache } from 'lru-cache'
import type { AtHand } from './at-hand.ts'
import type { BlobStore, OpenBlob } from './blobs/blob-store.ts'
import { readBlob } from './blobs/read-blob.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type Blake3, hashBlake3 } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import { MendedIteration, type Mender, readMended } from './mending.ts'
import type { Place } from './model.ts'
import { CheckedIteration, PassingBlob } from './passing-blob.ts'

/** A blob up to this many bytes is kept in memory whole once it was read. */
const SMALL_BYTES = 1 << 20

/** A stored blob, wherever it lies. */
export interface StoredBlob {
  readonly blake3: Blake3
  readonly size: number
  /** The whole, where it is small. */
  readonly bytes: Uint8Array | undefined
  /**
   * Reads from `first` to `last`, both included. Rejects with {@link BlobDamagedError} if the file is gone, {@link StoreChangedError} if it
   * was pruned; the iteration throws the former if the file is short. A chunk is valid only until the next one is asked for.
   */
  open(first: number, last: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** Reads all of it; the iteration also throws, in place of the last chunk, where these are other bytes than those of the digest. */
  openChecked(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

/** Blobs by digest, the small ones from memory: reading, as if there were no packs. */
export class StoredBlobs {
  readonly #catalog: Catalog
  readonly #blobs: BlobStore
  readonly #mender: Mender
  readonly #memory: LRUCache<Blake3, StoredBlob>

  constructor(options: {
    readonly catalog: Catalog
    readonly blobs: BlobStore
    readonly mender: Mender
    readonly memoryBytes: number
  }) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    this.#mender = options.mender
    // What is not small costs its record only; a kilobyte is more than that takes.
    this.#memory = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: (blob) => 1024 + (blob.bytes?.length ?? 0),
    })
  }

  /**
   * What is small is as its digest says; of the rest it is known that the file is there, and long enough. Throws {@link BlobDamagedError}
   * where that is not so, and could not be healed at once.
   */
  find(blake3: Blake3): AtHand<StoredBlob | undefined> {
    return this.#memory.get(blake3) ?? this.#findMended(blake3)
  }

  /** The whole of a small blob, if it is in memory. */
  findBytes(blake3: Blake3): Uint8Array | undefined {
    return this.#memory.get(blake3)?.bytes
  }

  /** Forgets everything in memory: some of it was pruned. */
  forget(): void {
    this.#memory.clear()
  }

  #findMended(blake3: Blake3): Promise<StoredBlob | undefined> {
    return readMended(
      (error) => this.#mender.mendTrees(error),
      () => this.#load(blake3),
    ).catch(undefinedIfPruned)
  }

  async #load(blake3: Blake3): Promise<StoredBlob | undefined> {
    const place = await this.#catalog.findPlace(blake3)
    if (place === undefined) return undefined
    const bytes = place.size <= SMALL_BYTES ? await this.#readWhole(blake3, place) : await this.#probe(place, blake3)
    const blob: StoredBlob = {
      blake3,
      size: place.size,
      bytes,
      open: (first, last, signal) => this.#open(blake3, place, { first, last, signal, isChecked: false }),
      openChecked: (signal) => this.#open(blake3, place, { first: 0, last: place.size - 1, signal, isChecked: true }),
    }
    this.#memory.set(blake3, blob)
    return blob
  }

  async #readWhole(blake3: Blake3, place: Place): Promise<Uint8Array> {
    const { file, offset } = await this.#openFile(blake3, place)
    try {
      // Not from node's shared pool: it may stay for long, and would hold the whole slab.
      const bytes = Buffer.allocUnsafeSlow(place.size)
      const count = await file.read(bytes, offset)
      if (count !== place.size) throw new BlobDamagedError(file.blake3, `ends within ${blake3}`)
      if (hashBlake3(bytes) !== blake3)
        throw new BlobDamagedError(file.blake3, `has other bytes than those of ${blake3}`)
      return bytes
    } finally {
      file.close()
    }
  }

  /** What is missing can be had as long as nothing is sent. */
  async #probe(place: Place, blake3: Blake3): Promise<undefined> {
    const { file, offset } = await this.#openFile(blake3, place)
    file.close()
    if (file.size < offset + place.size) throw new BlobDamagedError(file.blake3, `has only ${file.size} bytes`)
  }

  async #open(
    blake3: Blake3,
    place: Place,
    range: { readonly first: number; readonly last: number; readonly signal: AbortSignal; readonly isChecked: boolean },
  ): Promise<AsyncIterable<Uint8Array>> {
    // Who was just broken off comes again at once.
    if (this.#mender.isRunning) await this.#mender.settleTrees()
    let current: Place | undefined = place
    const reading = await readMended(
      async (error) => {
        if (!(await this.#mender.mend(error))) return false
        current = await this.#catalog.findPlace(blake3)
        return current !== undefined
      },
      async () => {
        const { file, offset } = await this.#openFile(blake3, current ?? place)
        return readBlob(file, { first: offset + range.first, last: offset + range.last }, range.signal)
      },
    )
    const checked = range.isChecked ? new CheckedIteration(reading, new PassingBlob(blake3, place.size)) : reading
    return new MendedIteration(checked, this.#mender)
  }

  async #openFile(blake3: Blake3, place: Place): Promise<{ file: OpenBlob; offset: number }> {
    const holder = place.kind === 'packed' ? place.pack : blake3
    const file = await this.#blobs.open(holder)
    if (file === undefined) throw new BlobDamagedError(holder, `is gone, and ${blake3} with it`)
    return { file, offset: place.kind === 'packed' ? place.offset : 0 }
  }
}

function undefinedIfPruned(error: unknown): undefined {
  if (!(error instanceof StoreChangedError)) throw error
}
