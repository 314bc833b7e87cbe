import { DatabaseSync } from 'node:sqlite'

/** What a thread does for {@link Checkpointer}: takes what was committed from the log into the database, as far as no reader needs it. */
export function checkpoint(path: string): void {
  using database = new DatabaseSync(path, { timeout: 0 })
  database.exec('PRAGMA synchronous = normal; PRAGMA wal_checkpoint(PASSIVE)')
}
