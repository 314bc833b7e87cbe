import type { BlobStore, OpenBlob } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type Blake3, hashBlake3 } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import { isOutOfDescriptors } from './io.ts'
import { type Mender, readMended } from './mending.ts'
import type { Place } from './model.ts'
import { Pace } from './pace.ts'
import type { PassingBlob } from './passing-blob.ts'
import type { SoundBlobs } from './sound-blobs.ts'

/** How many bytes of a pack are read at once: more than any blob in it has. */
const WINDOW_BYTES = 256 << 10
/** How many places one query of the catalog asks for: some milliseconds' work. */
const PLACES_BATCH = 1000
/** Files that one reader holds open at most. A tree of twelve thousand files lies in a few packs and some hundred large blobs. */
const MAX_HELD = 1024

export interface BlobsInTurnOptions {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly mender: Mender
  readonly sound: SoundBlobs
}

/** A stretch of a pack, `end` not included. */
interface Stretch {
  readonly pack: Blake3
  readonly start: number
  readonly end: number
}

/**
 * Reads a great many blobs, one after the other, and keeps none of them. The files of a tree mostly lie in its pack as they follow each other in
 * it, so what comes next is read along. One for each who reads, who closes it.
 */
export class BlobsInTurn {
  readonly #catalog: Catalog
  readonly #blobs: BlobStore
  readonly #mender: Mender
  readonly #sound: SoundBlobs
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  /** Which bytes of which pack the buffer holds; undefined: none. */
  #window: Stretch | undefined
  /** Which bytes of a pack were read last: what follows them is worth reading ahead. */
  #last: Stretch | undefined
  /** Where each blob is, as {@link hold} found it. */
  #places = new Map<Blake3, Place>()
  readonly #held = new Map<Blake3, OpenBlob>()
  /** The blob that is being read piece by piece; undefined where it is known to be sound. */
  #passing: PassingBlob | undefined

  constructor(options: BlobsInTurnOptions) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    this.#mender = options.mender
    this.#sound = options.sound
  }

  /**
   * Holds open what these blobs lie in until {@link close}: no prune meanwhile, by whatever process, takes any of it from who reads. Throws
   * {@link BlobDamagedError} where one is not there, {@link StoreChangedError} where it has no record, and nothing is damaged: it was pruned.
   */
  async hold(blake3s: Iterable<Blake3>): Promise<void> {
    // A client whose response just broke off over damage asks again at once: let the healing that it set off get ahead.
    if (this.#mender.isRunning) await this.#mender.settleTrees()
    const wanted = [...new Set(blake3s)]
    let isMended = false
    await readMended(
      async (error) => (isMended = await this.#mend(error)),
      () => this.#hold(wanted, { isMended }),
    ).catch((error: unknown) => {
      this.close()
      throw error
    })
  }

  close(): void {
    for (const file of this.#held.values()) file.close()
    this.#held.clear()
    this.#places.clear()
  }

  /**
   * Fills `target` from `position` of a blob. Throws {@link BlobDamagedError} where that many bytes are not there (any more), or where these
   * are the last of a blob that was read from its start, and it has others than its name says.
   */
  async read(blake3: Blake3, target: Uint8Array, position: number): Promise<void> {
    const place = await readMended(
      (error) => this.#mend(error),
      () => this.#read(blake3, target, position),
    )
    if (target.length < place.size) this.#checkPassing(blake3, place, { bytes: target, position })
  }

  /** Throws at the last piece of a damaged blob. The pieces before it may have been sent, so it is healed for the next reader only. */
  #checkPassing(blake3: Blake3, place: Place, piece: { readonly bytes: Uint8Array; readonly position: number }): void {
    if (this.#passing?.blake3 !== blake3 || this.#passing.isAsNamed(piece)) return
    const error = changed(blake3, place)
    this.#mend(error).catch(() => {}) // It was pruned: nobody needs it.
    throw error
  }

  /** Heals what a read found damaged. The bytes that a digest names are the same however they were made, so a read may go on in the middle. */
  async #mend(error: unknown): Promise<boolean> {
    this.#window = undefined
    // The blob is made again in another place.
    this.close()
    return this.#mender.mend(error)
  }

  async #hold(blake3s: readonly Blake3[], { isMended }: { readonly isMended: boolean }): Promise<void> {
    const pace = new Pace()
    let mayHold = true
    for (let start = 0; start < blake3s.length; start += PLACES_BATCH) {
      const some = blake3s.slice(start, start + PLACES_BATCH)
      const places = await this.#catalog.findPlaces(some)
      for (const blake3 of some) {
        const place = places.get(blake3)
        if (place === undefined && isMended) throw new StoreChangedError(`${blake3} was pruned`)
        if (place === undefined) throw new BlobDamagedError(blake3, 'is not stored (any more)')
        this.#places.set(blake3, place)
        const file = holderOf(blake3, place)
        if (mayHold && !this.#held.has(file)) mayHold = (await this.#holdFile(file)) && this.#held.size < MAX_HELD
      }
      if (pace.isDue) await pace.rest()
    }
  }

  /** False: no more files can be held open. The rest are opened when they are read. */
  async #holdFile(file: Blake3): Promise<boolean> {
    try {
      this.#held.set(file, await this.#open(file))
      return true
    } catch (error) {
      if (isOutOfDescriptors(error)) return false
      throw error
    }
  }

  async #open(file: Blake3): Promise<OpenBlob> {
    const opened = await this.#blobs.open(file)
    if (opened === undefined) throw new BlobDamagedError(file, 'its file is gone')
    return opened
  }

  async #read(blake3: Blake3, target: Uint8Array, position: number): Promise<Place> {
    const place = this.#places.get(blake3) ?? (await this.#catalog.findPlace(blake3))
    if (place === undefined || position + target.length > place.size) {
      throw new BlobDamagedError(blake3, `has ${place?.size ?? 'no'} bytes, and is read from ${position}`)
    }
    if (position === 0 && target.length < place.size) {
      this.#passing = await this.#withFile(holderOf(blake3, place), (file) =>
        this.#sound.watch({ blake3, size: place.size }, file),
      )
    }
    if (place.kind === 'file') await this.#fill(blake3, target, position)
    else {
      const start = place.offset + position
      await this.#readPacked({ pack: place.pack, start, end: start + target.length }, target)
    }
    if (target.length === place.size && hashBlake3(target) !== blake3) throw changed(blake3, place)
    return place
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
    return this.#withFile(blake3, (file) => file.read(target, position))
  }

  async #withFile<Value>(blake3: Blake3, use: (file: OpenBlob) => Value | Promise<Value>): Promise<Value> {
    const held = this.#held.get(blake3)
    if (held !== undefined) return use(held)
    const file = await this.#open(blake3)
    try {
      return await use(file)
    } finally {
      file.close()
    }
  }
}

/** The file that a blob lies in. */
function holderOf(blake3: Blake3, place: Place): Blake3 {
  return place.kind === 'packed' ? place.pack : blake3
}

function changed(blake3: Blake3, place: Place): BlobDamagedError {
  return new BlobDamagedError(holderOf(blake3, place), `has other bytes than those of ${blake3}`)
}
