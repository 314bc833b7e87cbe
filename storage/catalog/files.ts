import type { Blake3 } from '../digest.ts'
import { blake3Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

/** A file of the blob store that a record names. */
export interface RecordedFile {
  /** To be given to {@link listFiles}, to go on after this file. */
  readonly cursor: number
  readonly blake3: Blake3
  readonly size: number
}

export function listFiles(connection: Connection, after: number, limit: number): RecordedFile[] {
  return connection
    .all<{ cursor: number; blake3: Uint8Array; size: number }>(
      `SELECT id AS cursor, blake3, size FROM blob INDEXED BY blob_file WHERE pack IS NULL AND id > ? ORDER BY id LIMIT ?`,
      after,
      limit,
    )
    .map(({ cursor, blake3, size }) => ({ cursor, blake3: blake3Of(blake3), size }))
}
