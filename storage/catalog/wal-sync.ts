import { dirname } from 'node:path'
import { asStoreErrors } from '../blobs/store-full.ts'
import { StoreFormatError } from '../errors.ts'
import type { Io, IoFile } from '../io.ts'

/**
 * Makes commits survive a power cut without holding up the event loop: SQLite commits without fsync, and the log is synced afterwards, in a
 * thread of libuv. Commits that come meanwhile share the next fsync.
 *
 * After a failed fsync the kernel takes for written what it could not write. The next fsync would succeed, but the log may have a hole, and a recovery
 * ends there. So nothing counts as durable until the database has taken over all of the log ({@link noteTakenOver}).
 */
export class WalSync {
  readonly #io: Io
  readonly #path: string
  readonly #file: IoFile
  #isFolderSynced = false
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #failure: Error | undefined

  private constructor(io: Io, path: string, file: IoFile) {
    this.#io = io
    this.#path = path
    this.#file = file
  }

  /** For the database at `path`, which must be open. Undefined where this cannot work: SQLite then has to sync by itself. */
  static async open(io: Io, path: string): Promise<WalSync | undefined> {
    // Windows has no fsync of a file that was opened for reading.
    if (process.platform === 'win32') return undefined
    // Opened once: if somebody removes the log, SQLite too goes on with what it has open.
    const file = await io.openIfPresent(`${path}-wal`)
    if (file !== undefined) return new WalSync(io, path, file)
    throw new StoreFormatError(`${path} can have no log beside it: its file system does not support what SQLite needs`)
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
    await this.#file.close().catch(() => {}) // best effort: nothing was written through it
  }

  async #sync(): Promise<void> {
    await asStoreErrors(async () => {
      // Once, as SQLite does with its own first fsync.
      if (!this.#isFolderSynced) await this.#io.syncFolder(dirname(this.#path))
      this.#isFolderSynced = true
      const failure = await this.#file.sync().catch((error: Error) => error)
      if (failure instanceof Error) this.#failure ??= failure
      if (this.#failure !== undefined) throw this.#failure
    })
  }
}
