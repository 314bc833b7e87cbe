import { hashSha256, type Sha256 } from '../digest.ts'
import type { IndexName } from '../names.ts'
import { rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

/** METADATA of a wheel that is kept. */
export interface KeptMetadata {
  /** Empty: the wheel has none. */
  readonly content: Uint8Array
  /** It is what an index, or its file host, says; the wheel was not read as a whole. */
  readonly isClaim: boolean
}

export interface SaveMetadataOptions {
  /** The index that says so; undefined: it was read from the whole wheel. */
  readonly claimedBy?: IndexName | undefined
}

export interface ForgetMetadataOptions {
  /** Only what this index says; undefined: all, also what was read from the whole wheel. */
  readonly claimedBy?: IndexName | undefined
}

export function findMetadata(connection: Connection, wheel: Sha256, index: IndexName): KeptMetadata | undefined {
  const row = connection.find<{ content: Uint8Array; claimedBy: string }>(
    `SELECT content, index_name AS claimedBy FROM metadata WHERE wheel = ? AND index_name IN ('', ?)
     ORDER BY index_name DESC LIMIT 1`,
    rawDigest(wheel),
    index,
  )
  return row && { content: row.content, isClaim: row.claimedBy !== '' }
}

export function saveMetadata(
  connection: Connection,
  { wheel, content, savedAt, claimedBy }: SaveMetadataOptions & { wheel: Sha256; content: Uint8Array; savedAt: number },
): void {
  const raw = rawDigest(wheel)
  // What was read from the wheel replaces all claims.
  if (claimedBy === undefined) connection.run("DELETE FROM metadata WHERE wheel = ? AND index_name <> ''", raw)
  connection.run(
    `INSERT INTO metadata (wheel, index_name, saved_at, content) VALUES (?, ?, ?, ?)
     ON CONFLICT (wheel, index_name) DO UPDATE SET content = excluded.content, saved_at = excluded.saved_at
       WHERE content <> excluded.content`,
    raw,
    claimedBy ?? '',
    savedAt,
    content,
  )
}

/** Returns how many rows there were. */
export function forgetMetadata(
  connection: Connection,
  wheels: readonly Sha256[],
  { claimedBy }: ForgetMetadataOptions = {},
): number {
  return connection.run(
    'DELETE FROM metadata WHERE wheel IN (SELECT unhex(value) FROM json_each(?)) AND index_name = ifnull(?, index_name)',
    JSON.stringify(wheels),
    claimedBy ?? null,
  )
}

export function findMetadataDigests(
  connection: Connection,
  wheels: readonly Sha256[],
  index: IndexName,
): Map<Sha256, Sha256 | 'none'> {
  const rows = connection.all<{ wheel: Sha256; content: Uint8Array; claimedBy: string }>(
    `SELECT value AS wheel, content, index_name AS claimedBy
     FROM json_each(?) CROSS JOIN metadata ON metadata.wheel = unhex(value) WHERE index_name IN ('', ?)`,
    JSON.stringify(wheels),
    index,
  )
  const digests = new Map<Sha256, Sha256 | 'none'>()
  for (const { wheel, content, claimedBy } of rows) {
    // Where a wheel has both, the claim counts, as in findMetadata.
    if (claimedBy === '' && digests.has(wheel)) continue
    digests.set(wheel, content.length === 0 ? 'none' : hashSha256(content))
  }
  return digests
}
