import type { SyncIo } from '../io.ts'
import { Pace } from '../pace.ts'
import type { Syncs } from './syncs.ts'

/** The disk is told to write after so many bytes: by itself it would begin seconds later, and the sync at the end find all of it left to do. */
const AHEAD_BYTES = 32 * 1024 * 1024

/** A large file on its way to the disk, beside whoever reads and hashes it. {@link finish} comes before its descriptor is closed. */
export class Flow {
  readonly #io: SyncIo
  readonly #syncs: Syncs
  readonly #descriptor: number
  readonly #isBeside: boolean
  readonly #pace = new Pace()
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> | undefined
  #unsynced = 0

  /** `isBeside`: another thread writes, for which there is a processor. */
  constructor(io: SyncIo, syncs: Syncs, { descriptor, isBeside }: { descriptor: number; isBeside: boolean }) {
    this.#io = io
    this.#syncs = syncs
    this.#descriptor = descriptor
    this.#isBeside = isBeside
  }

  /** Writes a piece, or begins to: it may not change until the next one was begun. Throws the error of what was begun before. */
  async write(piece: Uint8Array): Promise<void> {
    await this.#writing
    if (this.#isBeside) {
      this.#writing = this.#io.appendBeside(this.#descriptor, piece)
      this.#writing.catch(() => {}) // it is awaited in any case
    } else {
      this.#io.append(this.#descriptor, piece)
      // A thread that waits for nothing would not hear that it is to stop.
      if (this.#pace.isDue) await this.#pace.rest()
    }
    this.#unsynced += piece.length
    if (this.#unsynced < AHEAD_BYTES) return
    // Of a disk that failed once, a later sync would know nothing.
    await this.#syncing
    this.#syncing = this.#syncs.beginAhead(this.#descriptor)
    this.#syncing?.catch(() => {}) // it is awaited in any case
    this.#unsynced = 0
  }

  /** Waits for what goes on. Throws its error. */
  async finish(): Promise<void> {
    const outcomes = await Promise.allSettled([this.#writing, this.#syncing])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }
}
