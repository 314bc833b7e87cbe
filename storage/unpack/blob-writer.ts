import { MAX_WHOLE_BYTES } from '../archive/contents.ts'
import type { AtHand } from '../at-hand.ts'
import type { StagedFile } from '../blobs/blob-store.ts'
import { type Blake3, type Blake3Hasher, createBlake3 } from '../digest.ts'
import type { SyncIo } from '../io.ts'
import type { Place } from '../model.ts'
import type { Batch, PlacedBlob } from './batch.ts'
import { Flow } from './flow.ts'
import type { UnpackMemory } from './unpack-memory.ts'

/** Says which of these blobs the store has already. */
export type FindStored = (blake3s: readonly Blake3[]) => Promise<ReadonlySet<Blake3>>

/** Files that were written and closed, and what is in them. */
export interface WrittenBlobs {
  readonly staged: readonly StagedFile[]
  readonly placed: readonly (readonly [blake3: Blake3, place: Place])[]
}

export interface BlobWriterOptions {
  /** Of the paths of all files; nobody else uses paths that begin with it. */
  readonly prefix: string
  readonly findStored: FindStored
  /** Nobody else uses it until this has settled, finished, or was abandoned. */
  readonly memory: UnpackMemory
}

/**
 * Writes the blobs of one ingest: small ones into one pack, large ones into files of their own, each once, and none that the store
 * has. End it with {@link finish}, or with {@link abandon}, which leaves nothing behind.
 */
export class BlobWriter {
  readonly #io: SyncIo
  readonly #prefix: string
  readonly #findStored: FindStored
  readonly #seen = new Set<Blake3>()
  readonly #paths = new Set<string>()
  readonly #open = new Set<number>()
  readonly #staged: StagedFile[] = []
  readonly #placed: [Blake3, Place][] = []
  readonly #packed: PlacedBlob[] = []
  #pack: { readonly path: string; readonly descriptor: number; readonly hasher: Blake3Hasher; size: number } | undefined
  #batch: Batch
  /** The one that is being placed, or was. */
  #other: Batch
  #placing: Promise<void> = Promise.resolve()
  #count = 0

  constructor(io: SyncIo, { prefix, findStored, memory }: BlobWriterOptions) {
    this.#io = io
    this.#prefix = prefix
    this.#findStored = findStored
    ;[this.#batch, this.#other] = memory.takeBatches()
  }

  /** Room for a blob that is to be written, up to MAX_WHOLE_BYTES; mostly without a promise: a wheel has thousands. */
  findRoom(size: number): AtHand<Buffer> {
    return this.#batch.findRoom(size) ?? this.#flush().then(() => this.findRoom(size))
  }

  /** Adds the blob that is in the room that was found last. */
  add(blake3: Blake3, size: number): void {
    if (this.#seen.has(blake3)) return
    this.#seen.add(blake3)
    this.#batch.keep(blake3, size)
  }

  /** Adds a blob of any size. */
  async addWhole(blake3: Blake3, bytes: Uint8Array): Promise<void> {
    if (bytes.length > MAX_WHOLE_BYTES) return void (await this.addLarge([bytes], { isBeside: false }))
    const room = await this.findRoom(bytes.length)
    room.set(bytes)
    this.add(blake3, bytes.length)
  }

  /**
   * Adds a large blob that comes in pieces, each valid until the second one after it is asked for; returns its digest. `isBeside`: another thread
   * writes one while the next is made.
   */
  async addLarge(pieces: Iterable<Uint8Array>, { isBeside }: { readonly isBeside: boolean }): Promise<Blake3> {
    const { path, descriptor } = this.#create()
    const hasher = createBlake3()
    let size = 0
    const flow = new Flow(this.#io, { descriptor, isBeside })
    try {
      for (const piece of pieces) {
        await flow.write(piece)
        hasher.update(piece)
        size += piece.length
      }
    } catch (error) {
      // Nothing may be going on with a descriptor that is closed.
      await flow.finish().catch(() => {})
      throw error
    }
    await flow.finish()
    const blake3 = hasher.hex()
    const isKnown = this.#seen.has(blake3)
    this.#seen.add(blake3)
    const isStored = isKnown || (await this.#findStored([blake3])).has(blake3)
    if (isStored) this.#discard(path, descriptor)
    else this.#keep({ path, blake3 }, descriptor, size)
    return blake3
  }

  /** Writes what is held, so that the memory is another's. */
  async settle(): Promise<void> {
    await this.#flush()
    await this.#placing
  }

  /** Writes what is held, and closes all files. */
  async finish(): Promise<WrittenBlobs> {
    await this.settle()
    this.#finishPack()
    return { staged: this.#staged, placed: this.#placed }
  }

  /** Closes and removes everything. Nothing may be running on this any more but what only reads. */
  async abandon(): Promise<void> {
    await this.#placing.catch(() => {}) // it is what failed, or it is of no use any more
    for (const descriptor of this.#open) bestEffort(() => this.#io.close(descriptor))
    for (const path of this.#paths) bestEffort(() => this.#io.remove(path))
  }

  /** The answer for one batch is waited for when the next is full: meanwhile there is work to do. */
  async #flush(): Promise<void> {
    await this.#placing
    const full = this.#batch
    this.#batch = this.#other
    this.#other = full
    this.#placing = this.#place(full)
    this.#placing.catch(() => {}) // whoever waits for it next sees it
  }

  async #place(batch: Batch): Promise<void> {
    const digests = batch.digests
    if (digests.length === 0) return
    const stored = await this.#findStored(digests)
    for (const [blake3, bytes] of batch.large(stored)) this.#writeAlone(blake3, bytes)
    const { blobs, bytes } = batch.joinSmall(stored)
    if (blobs.length > 0) this.#appendToPack(blobs, bytes)
    batch.clear()
  }

  #writeAlone(blake3: Blake3, bytes: Buffer): void {
    const { path, descriptor } = this.#create()
    this.#io.append(descriptor, bytes)
    this.#keep({ path, blake3 }, descriptor, bytes.length)
  }

  #appendToPack(blobs: readonly PlacedBlob[], bytes: Buffer): void {
    this.#pack ??= { ...this.#create(), hasher: createBlake3(), size: 0 }
    this.#io.append(this.#pack.descriptor, bytes)
    this.#pack.hasher.update(bytes)
    for (const { blake3, offset, size } of blobs) this.#packed.push({ blake3, offset: this.#pack.size + offset, size })
    this.#pack.size += bytes.length
  }

  #finishPack(): void {
    const pack = this.#pack
    if (pack === undefined) return
    const blake3 = pack.hasher.hex()
    this.#keep({ path: pack.path, blake3 }, pack.descriptor, pack.size)
    for (const small of this.#packed) {
      // A pack of one blob *is* that blob.
      if (small.blake3 === blake3) continue
      this.#placed.push([small.blake3, { kind: 'packed', pack: blake3, offset: small.offset, size: small.size }])
    }
  }

  #create(): { path: string; descriptor: number } {
    const path = `${this.#prefix}-${(this.#count += 1)}`
    const descriptor = this.#io.create(path)
    this.#paths.add(path)
    this.#open.add(descriptor)
    return { path, descriptor }
  }

  #keep(file: StagedFile, descriptor: number, size: number): void {
    this.#close(descriptor)
    this.#staged.push(file)
    this.#placed.push([file.blake3, { kind: 'file', size }])
  }

  #discard(path: string, descriptor: number): void {
    this.#close(descriptor)
    this.#io.remove(path)
    this.#paths.delete(path)
  }

  #close(descriptor: number): void {
    // Once: the number may be another file's at once.
    this.#open.delete(descriptor)
    this.#io.close(descriptor)
  }
}

/** The error that led here is the one to report. */
function bestEffort(action: () => void): void {
  try {
    action()
  } catch {
    // best effort: what stays is swept at the next start
  }
}
