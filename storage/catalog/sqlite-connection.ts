import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { StoreFormatError, StoreFullError } from '../errors.ts'

/** How long opening a database, and a read, wait for a lock of another process, milliseconds. */
const LOCK_TIMEOUT_MS = 5000

/**
 * One SQLite connection, with each statement prepared once. Rows come out typed by what the caller says they are, which is sound
 * because every table is STRICT and this folder wrote every statement.
 */
export class Connection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** Throws {@link StoreFormatError} for a file that is no SQLite database, or a damaged one. */
  constructor(path: string, { readOnly }: { readonly readOnly: boolean }) {
    // `timeout` is the busy_timeout, and has to be there before the first statement that can meet a lock.
    this.#database = new DatabaseSync(path, { readOnly, timeout: LOCK_TIMEOUT_MS, enableForeignKeyConstraints: true })
    try {
      this.#database.exec('PRAGMA cache_size = -8000; PRAGMA temp_store = memory; PRAGMA trusted_schema = off')
      // The first statement that reads the file.
      this.#database.exec('PRAGMA schema_version')
    } catch (error) {
      this.#database.close()
      throw asFormatError(path, error)
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  // The row's type cannot follow from the SQL's text.
  // oxlint-disable typescript/no-unnecessary-type-parameters

  /** The first row; undefined where there is none. */
  find<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  /** The only row of a query that always has one. */
  get<Row>(sql: string, ...values: SQLInputValue[]): Row {
    return this.#prepare(sql).get(...values) as Row
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }

  // oxlint-enable typescript/no-unnecessary-type-parameters

  /** Returns how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }

  /** Returns the id of the new row; undefined where a conflict kept it out. */
  insert(sql: string, ...values: SQLInputValue[]): number | undefined {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values)
    return changes === 0 ? undefined : Number(lastInsertRowid)
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

// SQLite's primary result codes (https://www.sqlite.org/rescode.html).
const BUSY = 5
const READ_ONLY = 8
const CORRUPT = 11
const FULL = 13
const NOT_A_DATABASE = 26

/** Another connection holds the lock that was wanted. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY
}

/** What a user can do something about, in words; other errors are returned as they are. */
export function asFormatError(path: string, error: unknown): unknown {
  const code = primaryCode(error)
  if (code === NOT_A_DATABASE) {
    return new StoreFormatError(`${path} is no catalog of Arbor: it is not an SQLite database`, { cause: error })
  }
  if (code !== CORRUPT) return error
  return new StoreFormatError(
    `${path} is damaged: remove it with its -wal and -shm, and what it named is fetched again and the rest pruned; or restore the whole data folder`,
    { cause: error },
  )
}

/** An error of a write as what it means to the store: no room, or a disk that became read-only. Others are returned as they are. */
export function asStorageError(error: unknown): unknown {
  const code = primaryCode(error)
  if (code !== FULL && code !== READ_ONLY) return error
  return new StoreFullError(code === FULL ? 'no room for the catalog' : 'the catalog is read-only', { cause: error })
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
