import { pathToFileURL } from 'node:url'
import { DatabaseSync } from 'node:sqlite'

/** A lock that ends with the process, however that ends: the kernel gives it back, after `kill -9` too. */
export interface ProcessLock {
  /** More than once is harmless. */
  release(): void
}

/** https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_CANTOPEN = 14

/**
 * Takes the lock that the file at `path` stands for, or says at once why not: another process (of any container on this kernel), or
 * another holder in this one, has it; or there is no such file and `create` is not set. The file stays empty, and must not be opened by
 * anything else in this process: on POSIX, closing any descriptor of it would give the lock up.
 *
 * Node has no file locks of its own; an SQLite database in an exclusive transaction is one, on every platform.
 */
export function takeProcessLock(path: string, options: { readonly create: boolean }): ProcessLock | 'held' | 'absent' {
  const url = pathToFileURL(path)
  url.searchParams.set('mode', options.create ? 'rwc' : 'rw')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(url, { timeout: 0 })
    // Without the first, SQLite would put an empty journal beside the file.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (hasCode(error, SQLITE_BUSY)) return 'held'
    if (hasCode(error, SQLITE_CANTOPEN) && !options.create) return 'absent'
    throw error
  }
  const locked = database
  return {
    release() {
      if (locked.isOpen) locked.close()
    },
  }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === code
}
