import type { StagedFile } from '../blobs/blob-store.ts'
import { type Blake3, type Blake3Hasher, createBlake3 } from '../digest.ts'
import type { SyncIo } from '../io.ts'
import type { Place } from '../model.ts'

/** Blobs smaller than this share a pack, bytes: nineteen in twenty files, and a fourteenth of the bytes (architecture, packs). */
export const PACK_THRESHOLD = 64 * 1024

/** Blobs are held until there are this many bytes of them, or this many, so that one question and one write serve many. */
const BATCH_BYTES = 2 * 1024 * 1024
const BATCH_COUNT = 1000

/** Says which of these blobs the store has already. */
export type FindStored = (blake3s: readonly Blake3[]) => Promise<ReadonlySet<Blake3>>

interface HeldBlob {
  readonly blake3: Blake3
  readonly bytes: Uint8Array
}

/** Files that were written, synced and closed, and what is in them. */
export interface WrittenBlobs {
  readonly staged: readonly StagedFile[]
  readonly placed: readonly (readonly [blake3: Blake3, place: Place])[]
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
  readonly #packed: { readonly blake3: Blake3; readonly offset: number; readonly size: number }[] = []
  #pack: { readonly path: string; readonly descriptor: number; readonly hasher: Blake3Hasher; size: number } | undefined
  #held: HeldBlob[] = []
  #heldBytes = 0
  #placing: Promise<void> = Promise.resolve()
  #count = 0

  /** `prefix`: of the paths of all files; nobody else uses paths that begin with it. */
  constructor(io: SyncIo, prefix: string, findStored: FindStored) {
    this.#io = io
    this.#prefix = prefix
    this.#findStored = findStored
  }

  /** Adds a blob that is in memory, and stays as it is there. */
  async add(blake3: Blake3, bytes: Uint8Array): Promise<void> {
    if (this.#seen.has(blake3)) return
    this.#seen.add(blake3)
    this.#held.push({ blake3, bytes })
    this.#heldBytes += bytes.length
    if (this.#heldBytes >= BATCH_BYTES || this.#held.length === BATCH_COUNT) await this.#flush()
  }

  /** Adds a large blob whose digest is known when its last piece has come, as what `pieces` returns. */
  async addLarge(pieces: AsyncGenerator<Uint8Array, Blake3>): Promise<void> {
    const { path, descriptor } = this.#create()
    let size = 0
    let piece = await pieces.next()
    for (; piece.done !== true; piece = await pieces.next()) {
      this.#io.append(descriptor, piece.value)
      size += piece.value.length
    }
    const blake3 = piece.value
    const isKnown = this.#seen.has(blake3)
    this.#seen.add(blake3)
    if (isKnown || (await this.#findStored([blake3])).has(blake3)) return this.#discard(path, descriptor)
    this.#keep({ path, blake3 }, descriptor, size)
  }

  /** Writes what is held, and makes all of it durable. */
  async finish(): Promise<WrittenBlobs> {
    await this.#flush()
    await this.#placing
    const pack = this.#pack
    if (pack !== undefined) {
      const blake3 = pack.hasher.hex()
      this.#keep({ path: pack.path, blake3 }, pack.descriptor, pack.size)
      for (const small of this.#packed) {
        this.#placed.push([small.blake3, { kind: 'packed', pack: blake3, offset: small.offset, size: small.size }])
      }
    }
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
    const before = this.#placing
    const batch = this.#held
    this.#held = []
    this.#heldBytes = 0
    this.#placing = before.then(() => this.#place(batch))
    this.#placing.catch(() => {}) // whoever waits for it next sees it
    await before
  }

  async #place(batch: readonly HeldBlob[]): Promise<void> {
    if (batch.length === 0) return
    const stored = await this.#findStored(batch.map(({ blake3 }) => blake3))
    const missing = batch.filter(({ blake3 }) => !stored.has(blake3))
    for (const { blake3, bytes } of missing.filter((blob) => blob.bytes.length >= PACK_THRESHOLD)) {
      const { path, descriptor } = this.#create()
      this.#io.append(descriptor, bytes)
      this.#keep({ path, blake3 }, descriptor, bytes.length)
    }
    this.#appendToPack(missing.filter(({ bytes }) => bytes.length < PACK_THRESHOLD))
  }

  #appendToPack(blobs: readonly HeldBlob[]): void {
    if (blobs.length === 0) return
    this.#pack ??= { ...this.#create(), hasher: createBlake3(), size: 0 }
    const bytes = Buffer.concat(blobs.map((blob) => blob.bytes))
    this.#io.append(this.#pack.descriptor, bytes)
    this.#pack.hasher.update(bytes)
    for (const blob of blobs) {
      this.#packed.push({ blake3: blob.blake3, offset: this.#pack.size, size: blob.bytes.length })
      this.#pack.size += blob.bytes.length
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
    this.#io.sync(descriptor)
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
