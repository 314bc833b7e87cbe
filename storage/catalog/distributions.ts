import type { Blake3, Digest, Sha256 } from '../digest.ts'
import type { Distribution, DistributionRecord, RecordVerdict, RefusalReason, Sighting, Unpacking } from '../model.ts'
import { isWheel, type Filename, type IndexName, type ProjectName } from '../names.ts'
import { placeFile } from './places.ts'
import { blake3Of, rawDigest, sha256Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

/** One row per sighting; the columns of the sighting are null for a distribution without one. */
interface DistributionRow {
  readonly id: number
  readonly blake3: Uint8Array
  readonly sha256: Uint8Array
  readonly size: number
  readonly storedAt: number
  readonly tree: Uint8Array | null
  readonly record: RecordVerdict | 'pending' | null
  readonly reason: RefusalReason | null
  readonly detail: string | null
  readonly path: string | null
  readonly policy: number | null
  readonly limits: string | null
  readonly indexName: IndexName | null
  readonly project: ProjectName | null
  readonly filename: Filename | null
}

const SELECT = `
  SELECT distribution.id, own.blake3, sha256, distribution.size, stored_at AS storedAt, manifest.blake3 AS tree, record, reason,
    detail, path, policy, limits, index_name AS indexName, project, filename
  FROM distribution
  JOIN blob AS own ON own.id = distribution.id
  LEFT JOIN blob AS manifest ON manifest.id = distribution.tree
  LEFT JOIN sighting ON sighting.distribution = distribution.id`

export function findDistribution(connection: Connection, digest: Digest): DistributionRecord | undefined {
  const rows =
    digest.algorithm === 'sha256'
      ? connection.all<DistributionRow>(`${SELECT} WHERE sha256 = ? ORDER BY sighting.id`, rawDigest(digest.hex))
      : connection.all<DistributionRow>(`${SELECT} WHERE own.blake3 = ? ORDER BY sighting.id`, rawDigest(digest.hex))
  return recordsOf(rows)[0]
}

export function findStoredDistributions(connection: Connection, sha256s: readonly Sha256[]): Set<Sha256> {
  const rows = connection.all<{ sha256: Sha256 }>(
    'SELECT value AS sha256 FROM json_each(?) CROSS JOIN distribution ON sha256 = unhex(value)',
    JSON.stringify(sha256s),
  )
  return new Set(rows.map(({ sha256 }) => sha256))
}

export function findWheelsOfTree(connection: Connection, id: Blake3): DistributionRecord[] {
  return recordsOf(
    connection.all<DistributionRow>(
      `${SELECT} WHERE tree = (SELECT id FROM blob WHERE blake3 = ?) ORDER BY stored_at, distribution.id, sighting.id`,
      rawDigest(id),
    ),
  )
}

export function findDistributionsOf(
  connection: Connection,
  index: IndexName,
  project: ProjectName,
): DistributionRecord[] {
  return recordsOf(
    connection.all<DistributionRow>(
      `${SELECT} WHERE distribution.id IN (SELECT distribution FROM sighting WHERE index_name = ? AND project = ?)
       ORDER BY stored_at, distribution.id, sighting.id`,
      index,
      project,
    ),
  )
}

export function addDistribution(connection: Connection, distribution: Distribution, sighting: Sighting): void {
  const blob = placeFile(connection, distribution.blake3, distribution.size)
  const isNew = connection.insert(
    'INSERT INTO distribution (id, sha256, size, stored_at, used_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    blob,
    rawDigest(distribution.sha256),
    distribution.size,
    distribution.storedAt,
    distribution.storedAt,
  )
  if (isNew === undefined) {
    // Always later than it was, even within a millisecond, so that a prune that was planned before lets it stay.
    connection.run('UPDATE distribution SET used_at = max(used_at + 1, ?) WHERE id = ?', distribution.storedAt, blob)
  } else {
    connection.run('UPDATE blob SET needs = needs + 1 WHERE id = ?', blob)
  }
  addSightingTo(connection, blob, sighting)
}

export function addSighting(connection: Connection, sha256: Sha256, sighting: Sighting): void {
  const row = connection.find<{ id: number }>('SELECT id FROM distribution WHERE sha256 = ?', rawDigest(sha256))
  if (row !== undefined) addSightingTo(connection, row.id, sighting)
}

function addSightingTo(connection: Connection, distribution: number, { index, project, filename }: Sighting): void {
  connection.run(
    'INSERT INTO sighting (distribution, index_name, project, filename) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    distribution,
    index,
    project,
    filename,
  )
  if (isWheel(filename)) connection.run('UPDATE distribution SET wheel = 1 WHERE id = ? AND wheel = 0', distribution)
}

export function recordUse(connection: Connection, uses: ReadonlyMap<Blake3, number>): void {
  for (const [blake3, usedAt] of uses) {
    connection.run(
      `UPDATE distribution SET used_at = ?1
       WHERE (id = (SELECT id FROM blob WHERE blake3 = ?2) OR tree = (SELECT id FROM blob WHERE blake3 = ?2)) AND used_at < ?1`,
      usedAt,
      rawDigest(blake3),
    )
  }
}

export function listUnpackable(connection: Connection, policy: number, limits?: string): Blake3[] {
  return connection
    .all<{ blake3: Uint8Array }>(
      `SELECT blake3 FROM distribution INDEXED BY distribution_unpackable JOIN blob USING (id)
       WHERE wheel = 1 AND tree IS NULL AND (policy IS NULL OR policy < ?1 OR (?2 IS NOT NULL AND reason = 'limit' AND limits IS NOT ?2))
       ORDER BY stored_at, id`,
      policy,
      limits ?? null,
    )
    .map((row) => blake3Of(row.blake3))
}

export function listUnchecked(connection: Connection): Blake3[] {
  return connection
    .all<{ blake3: Uint8Array }>(
      `SELECT blake3 FROM distribution INDEXED BY distribution_unchecked JOIN blob USING (id)
       WHERE record = 'pending' ORDER BY stored_at, id`,
    )
    .map((row) => blake3Of(row.blake3))
}

/** Where a distribution was seen, in the order in which it was. */
export function sightingsOf(connection: Connection, distribution: number): Sighting[] {
  return connection
    .all<Sighting>(
      'SELECT index_name AS "index", project, filename FROM sighting WHERE distribution = ? ORDER BY id',
      distribution,
    )
    .map(({ index, project, filename }) => ({ index, project, filename }))
}

function recordsOf(rows: readonly DistributionRow[]): DistributionRecord[] {
  return [...Map.groupBy(rows, (row) => row.id).values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    return {
      sha256: sha256Of(first.sha256),
      blake3: blake3Of(first.blake3),
      size: first.size,
      storedAt: first.storedAt,
      sightings: group.flatMap(({ indexName, project, filename }) =>
        indexName === null || project === null || filename === null ? [] : { index: indexName, project, filename },
      ),
      unpacking: unpackingOf(first),
    }
  })
}

function unpackingOf(row: DistributionRow): Unpacking | undefined {
  if (row.tree !== null && row.record !== null) {
    return { kind: 'unpacked', tree: blake3Of(row.tree), record: row.record }
  }
  if (row.reason !== null && row.policy !== null) {
    const { reason, detail, path, policy, limits } = row
    const refusal = { kind: 'refused', reason, detail: detail ?? '', path: path ?? undefined, policy } as const
    return limits === null ? refusal : { ...refusal, limits }
  }
  return undefined
}
