import type { SyncIo } from '../io.ts'

/** Descriptors that may wait for the disk at the same time; of node's few threads for such work, serving needs some. */
const WIDTH = 2

/** fsyncs that go on while there is other work; each descriptor is closed afterwards. */
export class Syncs {
  readonly #io: SyncIo
  readonly #closing: (descriptor: number) => void
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  /** @param closing closes a descriptor. */
  constructor(io: SyncIo, closing: (descriptor: number) => void) {
    this.#io = io
    this.#closing = closing
  }

  /** Begins one, as soon as there is room. Throws the first error that there was. */
  async begin(descriptor: number): Promise<void> {
    while (this.#running.size >= WIDTH) await Promise.race(this.#running)
    this.#assertGood()
    this.#note(this.#run(descriptor))
  }

  /** Begins one of a file that is still being written, and stays open; undefined where there is no room. */
  beginAhead(descriptor: number): Promise<void> | undefined {
    if (this.#running.size >= WIDTH) return undefined
    const syncing = this.#io.sync(descriptor)
    // Whoever writes the file waits for it, and hears of its error.
    this.#note(syncing.catch(() => {}))
    return syncing
  }

  /** Waits for all. Throws the first error that there was. */
  async finish(): Promise<void> {
    await this.settle()
    this.#assertGood()
  }

  /** Waits for all, whatever comes of them. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Never rejects. */
  async #run(descriptor: number): Promise<void> {
    try {
      await this.#io.sync(descriptor)
      this.#closing(descriptor)
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  #note(running: Promise<void>): void {
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  #assertGood(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
