import { LRUCache } from 'lru-cache'
import { andThen, type AtHand } from '../at-hand.ts'
import { unpackGzip } from '../archive/gzip-member.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { isUnreadable } from '../blobs/unreadable.ts'
import { BoundedMemory } from '../bounded-memory.ts'
import { type Blake3, hashBlake3 } from '../digest.ts'
import { ArchiveRefusedError, BlobDamagedError } from '../errors.ts'
import { MendedIteration, type Mender, readMended } from '../mending.ts'
import type { Tree, TreeFile } from '../model.ts'
import { OwnedIteration } from '../owned-iteration.ts'
import { SingleFlight } from '../single-flight.ts'
import { searchFiles } from '../tree-search.ts'
import { readLayout } from './read-layout.ts'
import type { Rendition, RenditionRange } from './rendition.ts'
import { layOutGzip, type SlicedLayout, type TarGzLayout } from './tar-gz-layout.ts'

/** Changes whenever the bytes made of the same wheel would. */
const FORMAT = 'tar-gz-1'

/** A gzip of up to this many bytes is kept in memory whole once it was read. */
const SMALL_BYTES = 256 << 10

export interface WheelLayoutsOptions {
  readonly blobs: BlobStore
  readonly mender: Mender
  /** Reads a wheel's directory and lays its tree out, away from this thread. */
  readonly layOut: (wheelPath: string) => Promise<TarGzLayout>
  readonly memoryBytes: number
}

/** What is made of stored wheels that were found good, from their own deflate streams; how each is laid out is kept in memory. */
export class WheelLayouts {
  readonly #options: WheelLayoutsOptions
  readonly #layouts: BoundedMemory<TarGzLayout>
  /** Small files, by their validators. */
  readonly #gzips: LRUCache<string, Rendition & { readonly bytes: Uint8Array }>
  readonly #flights = new SingleFlight<Blake3, TarGzLayout>()

  constructor(options: WheelLayoutsOptions) {
    this.#options = options
    this.#gzips = new LRUCache({
      maxSize: Math.ceil(options.memoryBytes / 2),
      sizeCalculation: ({ bytes }) => 1024 + bytes.length,
    })
    this.#layouts = new BoundedMemory({
      maxBytes: Math.ceil(options.memoryBytes / 2),
      sizeOf: ({ made, pieces, files }) => 1024 + made.byteLength + pieces.byteLength + files.byteLength,
    })
  }

  /** The whole tree as a `.tar.gz`. `wheel` must be stored, and must have a tree. Throws {@link BlobDamagedError} where its file is gone. */
  async tarGz(wheel: Blake3): Promise<Rendition> {
    const layout = await readMended(
      (error) => this.#options.mender.mend(error),
      () => this.#find(wheel),
    )
    return this.#serve(wheel, layout, `${FORMAT}:${wheel}`)
  }

  /**
   * A file of the wheel's tree as gzip, if that is shorter; undefined also where the wheel has it uncompressed. No promise where all is in
   * memory. Rejects as {@link tarGz} does.
   */
  gzip(wheel: Blake3, tree: Tree, file: TreeFile): AtHand<Rendition | undefined> {
    // Another wheel may have compressed the same file otherwise.
    const validator = `blake3:${file.blake3}-gzip-${wheel.slice(0, 32)}`
    const kept = this.#gzips.get(validator)
    if (kept !== undefined) return kept
    return andThen(this.#layouts.get(wheel) ?? this.#findAtHand(wheel), (whole) => {
      const layout = layOutGzip(whole, searchFiles(tree.files, file.path), file.size)
      if (layout === undefined || layout.size >= file.size) return undefined
      const rendition = this.#serve(wheel, layout, validator)
      return layout.size > SMALL_BYTES ? rendition : this.#keep(rendition, layout.size, { wheel, file })
    })
  }

  /** Keeps a small gzip in memory, once it is found to unpack to the very file: the wheel on the disk may have changed. */
  async #keep(
    rendition: Rendition,
    size: number,
    { wheel, file }: { readonly wheel: Blake3; readonly file: TreeFile },
  ): Promise<Rendition> {
    const bytes = await readWhole(rendition, size)
    const unpacked = await unpackGzip(bytes, file.size)
    if (unpacked === undefined || hashBlake3(unpacked) !== file.blake3) {
      const error = new BlobDamagedError(wheel, `has other bytes than those of ${file.path}`)
      this.#mendMeanwhile(error)
      throw error
    }
    const small = { ...rendition, bytes }
    this.#gzips.set(rendition.validator, small)
    return small
  }

  /** Forgets everything in memory: some of it was pruned. */
  forget(): void {
    this.#layouts.clear()
    this.#gzips.clear()
  }

  #serve(wheel: Blake3, layout: SlicedLayout, validator: string): Rendition {
    return {
      size: layout.size,
      validator,
      isExact: true,
      open: (range = { first: 0, last: layout.size - 1 }) => this.#open(wheel, layout, range),
    }
  }

  async #findAtHand(wheel: Blake3): Promise<TarGzLayout> {
    try {
      return await this.#find(wheel)
    } catch (error) {
      this.#mendMeanwhile(error)
      throw error
    }
  }

  /** Has the wheel healed in the background: the caller can send the file itself instead. */
  #mendMeanwhile(damage: unknown): void {
    this.#options.mender.mend(damage).catch(() => {}) // It was pruned: nobody needs it.
  }

  /** Throws {@link BlobDamagedError} where the wheel's file is gone, or no good archive any more. */
  async #find(wheel: Blake3): Promise<TarGzLayout> {
    return this.#layouts.get(wheel) ?? this.#flights.run(wheel, () => this.#layOut(wheel))
  }

  async #layOut(wheel: Blake3): Promise<TarGzLayout> {
    const path = await this.#options.blobs.localPath(wheel)
    if (path === undefined) throw gone(wheel)
    try {
      const layout = await this.#options.layOut(path)
      this.#layouts.set(wheel, layout)
      return layout
    } catch (error) {
      if (!isOfFile(error)) throw error
      // It has a tree, so it was a good archive once.
      throw new BlobDamagedError(wheel, 'cannot be laid out', { cause: error })
    }
  }

  async #open(wheel: Blake3, layout: SlicedLayout, range: RenditionRange): Promise<AsyncIterable<Uint8Array>> {
    const { blobs, mender } = this.#options
    // A client whose response just broke off over damage asks again at once: let the healing that it set off get ahead.
    if (mender.isRunning) await mender.settleTrees()
    const blob = await readMended(
      (error) => mender.mend(error),
      async () => {
        const found = await blobs.open(wheel)
        if (found !== undefined) return found
        this.#layouts.delete(wheel)
        throw gone(wheel)
      },
    )
    const reading = new OwnedIteration(readLayout(layout, blob, range), () => Promise.resolve(blob.close()))
    return new MendedIteration(reading, mender)
  }
}

/** Whether an error is the file's: another one, as for want of descriptors, says nothing of it. */
function isOfFile(error: unknown): boolean {
  if (error instanceof ArchiveRefusedError || isUnreadable(error)) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_LENGTH_MISMATCH' || code === 'ENOENT'
}

function gone(wheel: Blake3): BlobDamagedError {
  return new BlobDamagedError(wheel, 'the file of a wheel is gone')
}

async function readWhole(rendition: Rendition, size: number): Promise<Uint8Array> {
  // Not from node's shared pool: it may stay for long, and would hold the whole slab.
  const bytes = Buffer.allocUnsafeSlow(size)
  let filled = 0
  for await (const chunk of await rendition.open(undefined)) {
    bytes.set(chunk, filled)
    filled += chunk.length
  }
  return bytes
}
