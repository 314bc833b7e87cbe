import { LRUCache } from 'lru-cache'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Blake3 } from '../digest.ts'
import { BlobDamagedError } from '../errors.ts'
import { OwnedIteration } from '../owned-iteration.ts'
import { readLayout } from './read-layout.ts'
import type { TarGzLayout } from './tar-gz-layout.ts'

/** Changes whenever the bytes made of the same wheel would. */
const FORMAT = 'tar-gz-1'

/** A tree as a `.tar.gz`, made of the wheel while it is read. */
export interface TarGz {
  /** Bytes. */
  readonly size: number
  /** The same for the same bytes, and for no others. */
  readonly validator: string
  /** From `first` to `last`, both included. The iteration must be iterated or given up; a chunk is valid until the next one is asked for. */
  open(first: number, last: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

export interface TarGzTreesOptions {
  readonly blobs: BlobStore
  /** Reads a wheel's directory and lays its tree out, away from this thread. */
  readonly layOut: (wheelPath: string) => Promise<TarGzLayout>
  readonly memoryBytes: number
}

/** Trees of stored wheels that were found good, as archives; how each is laid out is kept in memory. */
export class TarGzTrees {
  readonly #options: TarGzTreesOptions
  readonly #layouts: LRUCache<Blake3, TarGzLayout>

  constructor(options: TarGzTreesOptions) {
    this.#options = options
    this.#layouts = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: ({ made, pieces }) => 1024 + made.byteLength + pieces.byteLength,
    })
  }

  /** `wheel` must be stored, and must have a tree. Throws {@link BlobDamagedError} where its file is gone. */
  async find(wheel: Blake3): Promise<TarGz> {
    const layout = this.#layouts.get(wheel) ?? (await this.#layOut(wheel))
    return {
      size: layout.size,
      validator: `${FORMAT}:${wheel}`,
      open: (first, last, signal) => this.#open(wheel, layout, { first, last, signal }),
    }
  }

  async #layOut(wheel: Blake3): Promise<TarGzLayout> {
    const path = await this.#options.blobs.localPath(wheel)
    if (path === undefined) throw new BlobDamagedError(wheel, 'the file of a wheel is gone')
    const layout = await this.#options.layOut(path)
    this.#layouts.set(wheel, layout)
    return layout
  }

  async #open(
    wheel: Blake3,
    layout: TarGzLayout,
    range: { readonly first: number; readonly last: number; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const blob = await this.#options.blobs.open(wheel)
    if (blob === undefined) throw new BlobDamagedError(wheel, 'the file of a wheel is gone')
    return new OwnedIteration(readLayout(layout, blob, range), () => Promise.resolve(blob.close()))
  }
}
