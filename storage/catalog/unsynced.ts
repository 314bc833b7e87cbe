import type { Blake3 } from '../digest.ts'
import type { UnsyncedFile } from './catalog.ts'
import { blake3Of, rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

/** Files that were named and not synced yet, once for each time that one was written: an id is never used again, so nobody removes another's. */
export const UNSYNCED = `
CREATE TABLE unsynced (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  blob INTEGER NOT NULL REFERENCES blob (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX unsynced_blob ON unsynced (blob);
`

/** Belongs in the transaction in which the files get their names. */
export function noteUnsynced(connection: Connection, files: readonly Blake3[]): UnsyncedFile[] {
  return files.map((blake3) => {
    const { id } = connection.get<{ id: number }>(
      'INSERT INTO unsynced (blob) SELECT id FROM blob WHERE blake3 = ? RETURNING id',
      rawDigest(blake3),
    )
    return { id, blake3 }
  })
}

export function listUnsynced(connection: Connection): UnsyncedFile[] {
  return connection
    .all<{ id: number; blake3: Uint8Array }>(
      'SELECT unsynced.id, blake3 FROM unsynced JOIN blob ON blob.id = unsynced.blob ORDER BY unsynced.id',
    )
    .map(({ id, blake3 }) => ({ id, blake3: blake3Of(blake3) }))
}

/** Belongs in a transaction. */
export function noteSynced(connection: Connection, files: readonly UnsyncedFile[]): void {
  connection.run(
    'DELETE FROM unsynced WHERE id IN (SELECT value FROM json_each(?))',
    JSON.stringify(files.map(({ id }) => id)),
  )
}
