import { ThreadPool } from '../thread-pool.ts'
import type { Connection } from './sqlite-connection.ts'

/** With fewer pages in the log than this, it is not worth while. */
const ENOUGH_PAGES = 1000

/** With more pages in the log than this, a commit does it itself and waits: the thread does not keep up. 128 MiB. */
const TOO_MANY_PAGES = 32_768

/** The thread ends when nothing was asked of it for so long, milliseconds. */
const IDLE_TIMEOUT_MS = 10_000

/**
 * Has a thread take what was committed from the log into the database: after a large commit that is a tenth of a second of copying and
 * fsync, which SQLite would do within the commit. The thread runs only when there is something to do.
 */
export class Checkpointer {
  readonly #path: string
  readonly #thread = new ThreadPool<string, void>({
    file: new URL('./checkpoint-thread.ts', import.meta.url),
    minThreads: 0,
    maxThreads: 1,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  })
  #running: Promise<void> | undefined
  #hasFailed = false

  constructor(path: string, writer: Connection) {
    this.#path = path
    writer.exec(`PRAGMA wal_autocheckpoint = ${TOO_MANY_PAGES}`)
  }

  /** To be called after each commit. Costs microseconds. */
  afterCommit(writer: Connection): void {
    if (this.#running !== undefined) return
    const { log, checkpointed } = writer.get<{ log: number; checkpointed: number }>('PRAGMA wal_checkpoint(NOOP)')
    if (log - checkpointed < ENOUGH_PAGES) return
    this.#running = this.#run(writer).finally(() => (this.#running = undefined))
  }

  async close(): Promise<void> {
    await this.#running
    await this.#thread.close()
  }

  async #run(writer: Connection): Promise<void> {
    try {
      await this.#thread.run(this.#path, { name: 'checkpoint' })
      if (this.#hasFailed) writer.exec(`PRAGMA wal_autocheckpoint = ${TOO_MANY_PAGES}`)
      this.#hasFailed = false
    } catch {
      // As long as no thread can do it, commits do, as SQLite means them to.
      writer.exec(`PRAGMA wal_autocheckpoint = ${ENOUGH_PAGES}`)
      this.#hasFailed = true
    }
  }
}
