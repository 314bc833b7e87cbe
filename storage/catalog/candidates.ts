import type { SQLInputValue } from 'node:sqlite'
import type { PruneSelection } from './pruning.ts'
import { rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

/** A distribution that may have to go. */
export interface Candidate {
  readonly id: number
  readonly blake3: Uint8Array
  readonly sha256: Uint8Array
  readonly size: number
  readonly usedAt: number
  readonly tree: number | null
  /** JSON, in the order in which they were made. */
  readonly sightings: string
}

/** How many are read at a time. */
const BATCH = 256

/** The distributions of a selection (without one: all), least recently used first. */
export function* leastRecentlyUsed(connection: Connection, selection: PruneSelection = {}): Generator<Candidate> {
  const { sql, values } = conditionOf(selection)
  let after: { readonly usedAt: number; readonly id: number } | undefined = { usedAt: Number.MIN_SAFE_INTEGER, id: 0 }
  while (after !== undefined) {
    const batch: Candidate[] = connection.all<Candidate>(
      `SELECT id, blake3, sha256, distribution.size, used_at AS usedAt, tree, (
         SELECT json_group_array(json_object('index', index_name, 'project', project, 'filename', filename) ORDER BY id)
         FROM sighting WHERE distribution = distribution.id) AS sightings
       FROM distribution JOIN blob USING (id)
       WHERE (used_at, id) > (?, ?) ${sql} ORDER BY used_at, id LIMIT ?`,
      after.usedAt,
      after.id,
      ...values,
      BATCH,
    )
    yield* batch
    after = batch.at(-1)
  }
}

function conditionOf({ index, project, sha256 }: PruneSelection): {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
} {
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  if (sha256 !== undefined) {
    conditions.push('AND sha256 = ?')
    values.push(rawDigest(sha256))
  }
  for (const [column, value] of [
    ['index_name', index],
    ['project', project],
  ] as const) {
    if (value === undefined) continue
    conditions.push(
      `AND EXISTS (SELECT 1 FROM sighting WHERE distribution = distribution.id AND ${column} = ?)
       AND NOT EXISTS (SELECT 1 FROM sighting WHERE distribution = distribution.id AND ${column} <> ?)`,
    )
    values.push(value, value)
  }
  return { sql: conditions.join(' '), values }
}
