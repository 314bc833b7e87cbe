import { dirname } from 'node:path'
import { asStoreErrors } from '../blobs/store-full.ts'
import type { Io, IoFile } from '../io.ts'

/**
 * Makes commits survive a power cut without holding up the event loop: SQLite commits without fsync, and the log is synced afterwards, in a
 * thread of libuv. Commits that come meanwhile share the next fsync.
 *
 * After a failed one the kernel takes what it could not write for written, and the next would succeed over a hole in the log, at which a
 * recovery ends: nothing is durable then until the database has all of the log ({@link noteTakenOver}).
 */
export class WalSync {
  readonly #io: Io
  readonly #path: string
  #file: IoFile | undefined
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #failure: Error | undefined

  /** @param path of the database. */
  constructor(io: Io, path: string) {
    this.#io = io
    this.#path = path
  }

  /** Whether it can: elsewhere SQLite has to sync by itself. */
  static isPossible(): boolean {
    // An fsync of a file that was opened for reading.
    return process.platform !== 'win32'
  }

  /** Whether the log may have a hole. */
  get isBroken(): boolean {
    return this.#failure !== undefined
  }

  /** The database has all that was in the log, durably, and the log begins anew. */
  noteTakenOver(): void {
    this.#failure = undefined
  }

  /** Resolves once all that was committed before is on the disk. Throws {@link StoreFullError}. */
  sync(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {}) // those who waited for it have heard
      .then(() => {
        this.#next = undefined
        this.#running = this.#sync()
        return this.#running
      })
    return this.#next
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => {})
    await this.#running.catch(() => {})
    await this.#file?.close().catch(() => {}) // best effort: it was opened for reading
  }

  async #sync(): Promise<void> {
    await asStoreErrors(async () => {
      this.#file ??= await this.#open()
      const failure = await this.#file.sync().catch((error: Error) => error)
      if (failure instanceof Error) this.#failure ??= failure
      if (this.#failure !== undefined) throw this.#failure
    })
  }

  async #open(): Promise<IoFile> {
    const path = `${this.#path}-wal`
    // SQLite syncs the folder, too, with its own first fsync.
    await this.#io.syncFolder(dirname(path))
    const file = await this.#io.openIfPresent(path)
    if (file === undefined) throw new Error(`${path} is not there: something else than SQLite removed it`)
    return file
  }
}
