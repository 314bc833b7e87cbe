import { dirname } from 'node:path'
import type { Io, IoFile } from '../io.ts'

/**
 * Makes commits survive a power cut without holding up the event loop: SQLite commits without fsync, and the log is synced afterwards, in a
 * thread of libuv. Commits that come meanwhile share the next fsync.
 */
export class WalSync {
  readonly #io: Io
  readonly #path: string
  #file: IoFile | undefined
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

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

  /** Resolves once all that was committed before is on the disk. */
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
    await this.#file?.close()
  }

  async #sync(): Promise<void> {
    this.#file ??= await this.#open()
    await this.#file.sync()
  }

  async #open(): Promise<IoFile> {
    const path = `${this.#path}-wal`
    const file = await this.#io.openIfPresent(path)
    if (file === undefined) throw new Error(`${path} is not there: something else than SQLite removed it`)
    // SQLite does so with its own first fsync.
    await this.#io.syncFolder(dirname(path))
    return file
  }
}
