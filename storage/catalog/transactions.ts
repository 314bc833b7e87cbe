import { setTimeout } from 'node:timers/promises'
import { StoreClosedError, StoreFormatError, StoreFullError } from '../errors.ts'
import type { Io } from '../io.ts'
import { Checkpointer } from './checkpointer.ts'
import { checkUpToDate, migrate } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'
import { asFormatError, asStorageError, Connection, isBusy } from './sqlite-connection.ts'
import { WalSync } from './wal-sync.ts'

/** `full`: survives a power cut when it resolves. `normal`: survives the end of the process; a power cut may take the last ones. */
type Durability = 'full' | 'normal'

/** How long a write waits for writers of other processes, milliseconds: the longest of theirs is a prune that deletes records. */
const WRITE_TIMEOUT_MS = 60_000

/** The longest pause between two attempts at the write lock, milliseconds. */
const WRITE_POLL_MS = 25

/** How long to pause between two of many writes, milliseconds: longer than other processes do between attempts, so that they get their turn. */
export const BETWEEN_WRITES_MS = WRITE_POLL_MS + 5

export interface OpenOptions {
  readonly readOnly: boolean
  /** Undefined: SQLite itself syncs what has to be durable, and holds up the event loop as long. */
  readonly io: Io | undefined
}

interface Parts {
  readonly path: string
  readonly writer?: Connection
  readonly reader?: Connection
  readonly disk?: Disk | undefined
}

/** What is held of the file system beside the connections. */
interface Disk {
  readonly io: Io
  /** Tells the database's file from one that takes its name later. */
  readonly identity: string | undefined
  readonly walSync: WalSync | undefined
}

/**
 * The transactions of one database. Writes of this process take turns, each in a transaction of its own that other processes cannot
 * write beside, even while it awaits something. Reads have a connection of their own, and so see only what is committed.
 */
export class Transactions {
  readonly #path: string
  /** Undefined: opened read-only. */
  readonly #writer: Connection | undefined
  /** Undefined: a database in memory, which is one connection's; its reads take turns with the writes. */
  readonly #reader: Connection | undefined
  /** Undefined: SQLite takes the log over within a commit. */
  readonly #checkpointer: Checkpointer | undefined
  readonly #disk: Disk | undefined
  readonly #running = new Set<Promise<unknown>>()
  #turns: Promise<unknown> = Promise.resolve()
  #durability: Durability | undefined
  #isClosed = false

  private constructor({ path, writer, reader, disk }: Parts) {
    this.#path = path
    this.#writer = writer
    this.#reader = reader
    this.#disk = disk
    if (writer !== undefined && reader !== undefined) this.#checkpointer = new Checkpointer(path, writer)
  }

  /** Creates or migrates the database as needed. Throws {@link StoreFormatError}; nothing is left open then. */
  static async open(path: string, { readOnly, io }: OpenOptions): Promise<Transactions> {
    if (readOnly) return new Transactions({ path, reader: openReader(path) })
    const writer = await openWriter(path)
    if (path === ':memory:') return new Transactions({ path, writer })
    let reader: Connection | undefined
    try {
      reader = openReader(path)
      return new Transactions({ path, writer, reader, disk: io && (await openDisk(io, path, writer)) })
    } catch (error) {
      reader?.close()
      writer.close()
      throw error
    }
  }

  /** Runs one synchronous query, or several that may see different moments. */
  async read<T>(query: (connection: Connection) => T): Promise<T> {
    const reader = this.#reader
    if (reader === undefined) return this.#takeTurn((writer) => query(writer))
    if (this.#isClosed) throw closed()
    try {
      return query(reader)
    } catch (error) {
      throw asFormatError(this.#path, error)
    }
  }

  /** Runs long reading that sees one moment throughout, keeps nobody from writing, and may rest in between. */
  async survey<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#reader === undefined) return this.#takeTurn(work)
    if (this.#isClosed) throw closed()
    return this.#track(this.#surveyApart(work))
  }

  /** Runs `work` in a transaction, and commits it if it resolves. What it awaits must not wait for another transaction. */
  write<T>(durability: Durability, work: (connection: Connection) => T | Promise<T>): Promise<T> {
    return this.#track(this.#write(durability, work))
  }

  async #write<T>(durability: Durability, work: (connection: Connection) => T | Promise<T>): Promise<T> {
    const result = await this.#takeTurn(async (writer) => {
      try {
        await this.#begin(writer, durability)
        const outcome = await work(writer)
        writer.exec('COMMIT')
        this.#checkpointer?.afterCommit(writer)
        return outcome
      } catch (error) {
        if (writer.inTransaction) writer.exec('ROLLBACK')
        throw asFormatError(this.#path, asStorageError(error))
      }
    })
    if (durability === 'full') await this.sync()
    return result
  }

  /** Resolves once all that was committed survives a power cut. */
  async sync(): Promise<void> {
    await this.#disk?.walSync?.sync()
  }

  /** Waits for what was begun, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.allSettled([this.#turns, ...this.#running])
    await this.#disk?.walSync?.close()
    await this.#checkpointer?.close()
    this.#reader?.close()
    this.#writer?.close()
  }

  /** Has {@link close} wait for `work`. */
  async #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    try {
      return await work
    } finally {
      this.#running.delete(work)
    }
  }

  async #takeTurn<T>(work: (writer: Connection) => T | Promise<T>): Promise<T> {
    const writer = this.#writer
    if (writer === undefined) throw new TypeError('a catalog that was opened read-only takes no writes')
    if (this.#isClosed) throw closed()
    const turn = this.#turns.then(() => work(writer))
    this.#turns = turn.catch(() => {}) // its owner hears of it; the next one's turn comes all the same
    return turn
  }

  async #begin(writer: Connection, wanted: Durability): Promise<void> {
    const walSync = this.#disk?.walSync
    if (walSync?.isBroken === true) this.#takeOver(writer, walSync)
    const durability = walSync === undefined ? wanted : 'normal'
    if (this.#durability !== durability) {
      writer.exec(`PRAGMA synchronous = ${durability}`)
      this.#durability = durability
    }
    const deadline = performance.now() + WRITE_TIMEOUT_MS
    for (let pause = 1; ; pause = Math.min(2 * pause, WRITE_POLL_MS)) {
      try {
        writer.exec('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error
      }
      // Not SQLite's own wait, which would block the event loop.
      await setTimeout(pause)
    }
  }

  /** Has the database take all of a log with a hole. Where others read it just now, the next write tries again. */
  #takeOver(writer: Connection, walSync: WalSync): void {
    try {
      const { busy } = writer.get<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)')
      if (busy === 0) walSync.noteTakenOver()
    } catch {
      // Until it succeeds, syncs fail with the first one's reason.
    }
  }

  async #surveyApart<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    await this.#assertInPlace()
    const connection = openReader(this.#path)
    try {
      connection.exec('BEGIN')
      return await work(connection)
    } finally {
      connection.close()
    }
  }

  /**
   * Open connections go on with the file that they have, but a new one would open what has its name now. In another catalog all blobs of this one would
   * be without records.
   */
  async #assertInPlace(): Promise<void> {
    if (this.#disk === undefined) return
    const { io, identity } = this.#disk
    if ((await io.identify(this.#path)) === identity) return
    throw new StoreFormatError(
      `${this.#path} was removed or replaced under a running Arbor, which goes on with what it has open: restart it to go on with what is there`,
    )
  }
}

/** Of a database that is open. */
async function openDisk(io: Io, path: string, writer: Connection): Promise<Disk> {
  // Where the path is a link, the log is beside what it leads to.
  const { file } = writer.get<{ file: string }>("SELECT file FROM pragma_database_list WHERE name = 'main'")
  return { io, identity: await io.identify(path), walSync: await WalSync.open(io, file) }
}

function closed(): StoreClosedError {
  return new StoreClosedError('the catalog is closed')
}

function openReader(path: string): Connection {
  const connection = new Connection(path, { readOnly: true })
  try {
    checkUpToDate(connection, path)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

async function openWriter(path: string): Promise<Connection> {
  const connection = new Connection(path, { readOnly: false })
  try {
    const deadline = performance.now() + WRITE_TIMEOUT_MS
    for (;;) {
      try {
        migrate(connection, path)
        // A file that only others may write is opened all the same, and even begins a transaction.
        connection.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${MIGRATIONS.length}; ROLLBACK`)
        break
      } catch (error) {
        // Several processes that create one database at once: SQLite fails the change to WAL mode without waiting.
        if (!isBusy(error) || performance.now() > deadline) throw error
      }
      await setTimeout(WRITE_POLL_MS)
    }
    connection.exec('PRAGMA journal_size_limit = 67108864; PRAGMA busy_timeout = 0')
    return connection
  } catch (error) {
    connection.close()
    const known = asStorageError(error)
    if (!(known instanceof StoreFullError)) throw asFormatError(path, error)
    throw new StoreFullError(`${path} cannot be written: ${known.message}`, { cause: error })
  }
}
