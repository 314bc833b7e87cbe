import { hashSha256, type Sha256 } from '../digest.ts'
import { rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

export function findMetadata(connection: Connection, wheel: Sha256): Uint8Array | undefined {
  const row = connection.find<{ content: Uint8Array }>('SELECT content FROM metadata WHERE wheel = ?', rawDigest(wheel))
  return row?.content
}

export function saveMetadata(connection: Connection, wheel: Sha256, content: Uint8Array, savedAt: number): void {
  connection.run(
    `INSERT INTO metadata (wheel, saved_at, content) VALUES (?, ?, ?)
     ON CONFLICT (wheel) DO UPDATE SET content = excluded.content, saved_at = excluded.saved_at
       WHERE content <> excluded.content`,
    rawDigest(wheel),
    savedAt,
    content,
  )
}

export function findMetadataDigests(connection: Connection, wheels: readonly Sha256[]): Map<Sha256, Sha256 | 'none'> {
  const rows = connection.all<{ wheel: Sha256; content: Uint8Array }>(
    'SELECT value AS wheel, content FROM json_each(?) CROSS JOIN metadata ON metadata.wheel = unhex(value)',
    JSON.stringify(wheels),
  )
  return new Map(rows.map(({ wheel, content }) => [wheel, content.length === 0 ? 'none' : hashSha256(content)]))
}
