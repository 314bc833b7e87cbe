import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'
import { type Mender, readMended } from './mending.ts'

/** What is read of a pack at once: more than any blob in it has. */
const WINDOW_BYTES = 256 << 10

/** A stretch of a pack, `end` not included. */
interface Stretch {
  readonly pack: Blake3
  readonly start: number
  readonly end: number
}

/**
 * Reads a great many blobs, one after the other, and keeps none of them. The files of a tree mostly lie in its pack as they follow each other in
 * it, so what comes next is read along. One for each who reads; nothing is held open between reads.
 */
export class BlobsInTurn {
  readonly #catalog: Catalog
  readonly #blobs: BlobStore
  readonly #mender: Mender
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  /** What is in the buffer. */
  #window: Stretch | undefined
  /** What was read last. */
  #last: Stretch | undefined

  constructor(options: { readonly catalog: Catalog; readonly blobs: BlobStore; readonly mender: Mender }) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    this.#mender = options.mender
  }

  /** Fills `target` from `position` of a blob. Throws {@link BlobDamagedError} where that many bytes are not there (any more). */
  read(blake3: Blake3, target: Uint8Array, position: number): Promise<void> {
    return readMended(
      (error) => this.#mend(error),
      () => this.#read(blake3, target, position),
    )
  }

  /** Whatever it was made of again, the bytes are those of the digest: a reading may go on in the middle. */
  async #mend(error: unknown): Promise<boolean> {
    this.#window = undefined
    return this.#mender.mend(error)
  }

  async #read(blake3: Blake3, target: Uint8Array, position: number): Promise<void> {
    const place = await this.#catalog.findPlace(blake3)
    if (place === undefined || position + target.length > place.size) {
      throw new BlobDamagedError(blake3, `has ${place?.size ?? 'no'} bytes, and is read from ${position}`)
    }
    if (place.kind === 'file') return this.#fill(blake3, target, position)
    const start = place.offset + position
    return this.#readPacked({ pack: place.pack, start, end: start + target.length }, target)
  }

  async #readPacked(wanted: Stretch, target: Uint8Array): Promise<void> {
    const { pack, start, end } = wanted
    const follows = this.#last?.pack === pack && start >= this.#last.end && start - this.#last.end < WINDOW_BYTES
    this.#last = wanted
    const isInWindow = this.#window?.pack === pack && start >= this.#window.start && end <= this.#window.end
    if (!isInWindow && (!follows || target.length > WINDOW_BYTES)) return this.#fill(pack, target, start)
    if (!isInWindow) await this.#readAhead(pack, start)
    const window = this.#window
    if (window === undefined || end > window.end) throw new BlobDamagedError(pack, `ends before ${end}`)
    target.set(this.#buffer.subarray(start - window.start, end - window.start))
  }

  async #readAhead(pack: Blake3, start: number): Promise<void> {
    this.#window = undefined
    const count = await this.#readFile(pack, this.#buffer, start)
    this.#window = { pack, start, end: start + count }
  }

  async #fill(file: Blake3, target: Uint8Array, position: number): Promise<void> {
    const count = await this.#readFile(file, target, position)
    if (count < target.length) throw new BlobDamagedError(file, `ends at ${position + count}`)
  }

  async #readFile(blake3: Blake3, target: Uint8Array, position: number): Promise<number> {
    const file = await this.#blobs.open(blake3)
    if (file === undefined) throw new BlobDamagedError(blake3, 'its file is gone')
    try {
      return await file.read(target, position)
    } finally {
      file.close()
    }
  }
}
