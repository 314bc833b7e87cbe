import type { Blake3 } from '../digest.ts'
import { StoreChangedError } from '../errors.ts'
import type { RecordVerdict, TreeRecord, Unpacking } from '../model.ts'
import type { UnpackedTree, UnsyncedFile } from './catalog.ts'
import { Pace } from '../pace.ts'
import { placeBlobs } from './places.ts'
import { blake3Of, hexDigest, rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { noteUnsynced } from './unsynced.ts'

interface TreeRow {
  readonly id: Uint8Array
  readonly dirhash: Uint8Array
  readonly archiveId: string
  readonly fileCount: number
  readonly size: number
}

const SELECT = `
  SELECT blake3 AS id, dirhash, archive_id AS archiveId, file_count AS fileCount, tree.size
  FROM tree JOIN blob ON blob.id = tree.id`

export function findTree(connection: Connection, id: Blake3): TreeRecord | undefined {
  const row = connection.find<TreeRow>(`${SELECT} WHERE blake3 = ?`, rawDigest(id))
  return row === undefined ? undefined : recordOf(row)
}

export function findTreesByDirhash(connection: Connection, dirhash: string): TreeRecord[] {
  return connection.all<TreeRow>(`${SELECT} WHERE dirhash = ? ORDER BY tree.id`, rawDigest(dirhash)).map(recordOf)
}

export function findTreesByArchiveId(connection: Connection, archiveId: string): TreeRecord[] {
  return connection.all<TreeRow>(`${SELECT} WHERE archive_id = ? ORDER BY tree.id`, archiveId).map(recordOf)
}

/** Rows that one statement inserts: less than a millisecond. */
const STRETCH = 1000

/** Belongs in a transaction. Throws {@link StoreChangedError} as `addTree` of the catalog does. */
export async function addTree(
  connection: Connection,
  wheel: Blake3,
  unpacked: UnpackedTree,
): Promise<readonly UnsyncedFile[]> {
  const distribution = findWheel(connection, wheel)
  const known = connection.find<{ id: number }>(
    'SELECT tree.id FROM tree JOIN blob USING (id) WHERE blake3 = ?',
    rawDigest(unpacked.tree.id),
  )
  const needed = known === undefined ? new Set([...unpacked.blobs, unpacked.tree.id]) : new Set<Blake3>()
  const counted = await placeBlobs(connection, unpacked.placed, needed)
  const tree = known?.id ?? (await insertTree(connection, unpacked.tree, needed, counted))
  connection.run(
    `UPDATE distribution SET tree = ?, record = ?, reason = NULL, detail = NULL, path = NULL, policy = NULL, limits = NULL WHERE id = ?`,
    tree,
    unpacked.record,
    distribution,
  )
  return noteUnsynced(
    connection,
    unpacked.placed.flatMap(([blake3, { kind }]) => (kind === 'file' ? [blake3] : [])),
  )
}

/** Belongs in a transaction. */
export function addRefusal(
  connection: Connection,
  wheel: Blake3,
  { reason, detail, path, policy, limits }: Extract<Unpacking, { kind: 'refused' }>,
): void {
  connection.run(
    `UPDATE distribution SET reason = ?1, detail = ?2, path = ?3, policy = ?4, limits = ?6
     WHERE id = ?5 AND tree IS NULL AND (policy IS NULL OR policy <= ?4)`,
    reason,
    detail,
    path ?? null,
    policy,
    findWheel(connection, wheel),
    limits ?? null,
  )
}

/** Belongs in a transaction. */
export function addRecordVerdict(connection: Connection, wheel: Blake3, verdict: RecordVerdict): void {
  connection.run(
    `UPDATE distribution SET record = ? WHERE id = (SELECT id FROM blob WHERE blake3 = ?) AND record = 'pending'`,
    verdict,
    rawDigest(wheel),
  )
}

/** @param counted blobs that are counted as needed by this tree already. */
async function insertTree(
  connection: Connection,
  tree: TreeRecord,
  needed: ReadonlySet<Blake3>,
  counted: ReadonlyMap<Blake3, number>,
): Promise<number> {
  const pace = new Pace()
  const blobs = new Map(counted)
  for (const blake3 of needed) {
    if (!blobs.has(blake3)) blobs.set(blake3, countNeed(connection, blake3))
    if (pace.isDue) await pace.rest()
  }
  const id = blobs.get(tree.id)
  if (id === undefined) throw new StoreChangedError(`manifest ${tree.id} is not stored`)
  connection.run(
    'INSERT INTO tree (id, dirhash, archive_id, file_count, size) VALUES (?, ?, ?, ?, ?)',
    id,
    rawDigest(tree.dirhash),
    tree.archiveId,
    tree.fileCount,
    tree.size,
  )
  // In the order of the key, and a stretch at a time: a statement for each takes eight times as long.
  const ordered = [...blobs.values()].toSorted((a, b) => a - b)
  for (let start = 0; start < ordered.length; start += STRETCH) {
    const stretch = JSON.stringify(ordered.slice(start, start + STRETCH))
    connection.run('INSERT INTO tree_blob (tree, blob) SELECT ?, value FROM json_each(?)', id, stretch)
    if (pace.isDue) await pace.rest()
  }
  return id
}

function countNeed(connection: Connection, blake3: Blake3): number {
  const row = connection.find<{ id: number }>(
    'UPDATE blob SET needs = needs + 1 WHERE blake3 = ? RETURNING id',
    rawDigest(blake3),
  )
  if (row === undefined) throw new StoreChangedError(`blob ${blake3} is not stored (any more)`)
  return row.id
}

function findWheel(connection: Connection, wheel: Blake3): number {
  const row = connection.find<{ id: number }>(
    'SELECT distribution.id FROM distribution JOIN blob USING (id) WHERE blake3 = ?',
    rawDigest(wheel),
  )
  if (row === undefined) throw new StoreChangedError(`wheel ${wheel} is not stored (any more)`)
  return row.id
}

function recordOf({ id, dirhash, archiveId, fileCount, size }: TreeRow): TreeRecord {
  return { id: blake3Of(id), dirhash: hexDigest(dirhash), archiveId, fileCount, size }
}
