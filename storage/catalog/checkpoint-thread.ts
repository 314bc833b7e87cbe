import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/**
 * What a thread does for {@link Checkpointer}: takes what was committed from the log into the database, as far as no reader needs it. Throws
 * where the database is gone, and makes none in its place.
 */
export function checkpoint(path: string): void {
  const url = pathToFileURL(path)
  url.searchParams.set('mode', 'rw')
  using database = new DatabaseSync(url, { timeout: 0 })
  database.exec('PRAGMA synchronous = normal; PRAGMA wal_checkpoint(PASSIVE)')
}
