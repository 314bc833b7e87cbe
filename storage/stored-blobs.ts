import { LRUCache } from 'lru-cache'
import type { AtHand } from './at-hand.ts'
import type { BlobStore, OpenBlob } from './blobs/blob-store.ts'
import { type FileRange, readBlob } from './blobs/read-blob.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type Blake3, hashBlake3 } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import { MendedIteration, type Mender, readMended } from './mending.ts'
import type { Distribution, Place } from './model.ts'
import { CheckedIteration } from './passing-blob.ts'
import type { SoundBlobs } from './sound-blobs.ts'

/** A blob up to this many bytes is kept in memory whole once it was read. */
const SMALL_BYTES = 1 << 20
/** An upper bound for the memory that a blob takes beside its bytes. */
const RECORD_BYTES = 1024

/** A stored blob, wherever it lies. */
export interface StoredBlob {
  readonly blake3: Blake3
  readonly size: number
  /** The whole, where it is small, and only as long as memory keeps it. */
  readonly bytes: Uint8Array | undefined
  /**
   * Reads from `first` to `last`, both included. Rejects with {@link BlobDamagedError} if the file is gone, {@link StoreChangedError} if it
   * was pruned; the iteration throws the former if the file is short, and, where all is read, in place of the last chunk if the bytes are others
   * than those of the digest. A chunk is valid only until the next one is asked for.
   */
  open(first: number, last: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

interface SignalledRange extends FileRange {
  readonly signal: AbortSignal
}

interface KeptBlob extends StoredBlob {
  bytes: Uint8Array | undefined
}

/** Blobs by digest, the small ones from memory: reading, as if there were no packs. */
export class StoredBlobs {
  readonly #catalog: Catalog
  readonly #blobs: BlobStore
  readonly #mender: Mender
  readonly #sound: SoundBlobs
  readonly #memory: LRUCache<Blake3, KeptBlob>
  readonly #smallBytes: number

  constructor(options: {
    readonly catalog: Catalog
    readonly blobs: BlobStore
    readonly mender: Mender
    readonly sound: SoundBlobs
    readonly memoryBytes: number
  }) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    this.#mender = options.mender
    this.#sound = options.sound
    this.#memory = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: (blob) => RECORD_BYTES + (blob.bytes?.length ?? 0),
      // server/trees.ts keeps these objects longer than we do. Their bytes, no longer counted here, must go.
      dispose: (blob) => {
        blob.bytes = undefined
      },
    })
    this.#smallBytes = Math.min(SMALL_BYTES, options.memoryBytes - RECORD_BYTES)
  }

  /**
   * A small blob is checked against its digest; of a larger one it is checked that its file is there, and long enough. Throws {@link BlobDamagedError}
   * where that is not so, and could not be healed at once.
   */
  find(blake3: Blake3): AtHand<StoredBlob | undefined> {
    return this.#memory.get(blake3) ?? this.#findMended(blake3)
  }

  /**
   * Keeps a file that was just stored in memory, so that whoever asks for it next need not wait for catalog and disk. Only a small one, and only where
   * room is free: what it would push out was asked for, and this maybe never is. `copy`: its bytes; undefined where they are not at hand.
   */
  remember({ blake3, size }: Pick<Distribution, 'blake3' | 'size'>, copy: () => Uint8Array | undefined): void {
    const freeBytes = this.#memory.maxSize - this.#memory.calculatedSize
    if (size > this.#smallBytes || RECORD_BYTES + size > freeBytes || this.#memory.has(blake3)) return
    const bytes = copy()
    // Without its bytes we would vouch for a file that nobody has looked at.
    if (bytes !== undefined) this.#keep(blake3, { kind: 'file', size }, bytes)
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
    const bytes =
      place.size <= this.#smallBytes ? await this.#readWhole(blake3, place) : await this.#probe(place, blake3)
    return this.#keep(blake3, place, bytes)
  }

  #keep(blake3: Blake3, place: Place, bytes: Uint8Array | undefined): StoredBlob {
    const blob: KeptBlob = {
      blake3,
      size: place.size,
      bytes,
      open: (first, last, signal) => this.#open(blake3, place, { first, last, signal }),
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

  /** Looks whether a large blob's file is there and long enough, while nothing is sent yet and it can still be healed. */
  async #probe(place: Place, blake3: Blake3): Promise<undefined> {
    const { file, offset } = await this.#openFile(blake3, place)
    file.close()
    if (file.size < offset + place.size) throw new BlobDamagedError(file.blake3, `has only ${file.size} bytes`)
  }

  async #open(blake3: Blake3, place: Place, range: SignalledRange): Promise<AsyncIterable<Uint8Array>> {
    // A client whose response just broke off over damage asks again at once: let the healing that it set off get ahead.
    if (this.#mender.isRunning) await this.#mender.settleTrees()
    let current: Place | undefined = place
    const reading = await readMended(
      async (error) => {
        if (!(await this.#mender.mend(error))) return false
        current = await this.#catalog.findPlace(blake3)
        return current !== undefined
      },
      () => this.#read(blake3, current ?? place, range),
    )
    return new MendedIteration(reading, this.#mender)
  }

  /** A whole blob is checked on its way, unless it is known to be sound; a part cannot be checked. */
  async #read(
    blake3: Blake3,
    place: Place,
    { first, last, signal }: SignalledRange,
  ): Promise<AsyncIterable<Uint8Array, undefined>> {
    const { file, offset } = await this.#openFile(blake3, place)
    const isWhole = first === 0 && last === place.size - 1
    const passing = isWhole ? this.#sound.watch({ blake3, size: place.size }, file) : undefined
    const reading = await readBlob(file, { first: offset + first, last: offset + last }, signal)
    return passing === undefined ? reading : new CheckedIteration(reading, passing, file.blake3)
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
