import { dirname } from 'node:path'
import { asStoreErrors } from '../blobs/store-full.ts'
import { StoreFormatError } from '../errors.ts'
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

  /** Of the database at `path`, while that is open. Undefined where it cannot be done: there SQLite has to sync by itself. */
  static async open(io: Io, path: string): Promise<WalSync | undefined> {
    // An fsync of a file that was opened for reading.
    if (process.platform === 'win32') return undefined
    // Before somebody removes it: SQLite would go on with what it has open, too.
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
    await this.#file.close().catch(() => {}) // best effort: it was opened for reading
  }

  async #sync(): Promise<void> {
    await asStoreErrors(async () => {
      // SQLite syncs the folder, too, with its own first fsync.
      if (!this.#isFolderSynced) await this.#io.syncFolder(dirname(this.#path))
      this.#isFolderSynced = true
      const failure = await this.#file.sync().catch((error: Error) => error)
      if (failure instanceof Error) this.#failure ??= failure
      if (this.#failure !== undefined) throw this.#failure
    })
  }
}
