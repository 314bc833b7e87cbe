import type { SyncIo } from '../io.ts'
import { Pace } from '../pace.ts'

/** A large file on its way to the disk, beside whoever reads and hashes it. {@link finish} comes before its descriptor is closed. */
export class Flow {
  readonly #io: SyncIo
  readonly #descriptor: number
  readonly #isBeside: boolean
  readonly #pace = new Pace()
  #writing: Promise<void> = Promise.resolve()

  /** `isBeside`: another thread writes, for which there is a processor. */
  constructor(io: SyncIo, { descriptor, isBeside }: { descriptor: number; isBeside: boolean }) {
    this.#io = io
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
  }

  /** Waits for what goes on. Throws its error. */
  async finish(): Promise<void> {
    await this.#writing
  }
}
