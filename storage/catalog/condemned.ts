import type { Blake3 } from '../digest.ts'
import type { DistributionRecord } from '../model.ts'
import { findDistribution } from './distributions.ts'
import { Pace } from '../pace.ts'
import { blake3Of, rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { noChange, subtractFromTotals } from './totals.ts'

/** What was lost with a file that is damaged or gone. */
export interface Condemned {
  /** The distribution whose bytes it was. */
  readonly distribution: DistributionRecord | undefined
  /** Wheels that lost their trees, and are to be unpacked again. */
  readonly wheels: readonly Blake3[]
  readonly trees: readonly Blake3[]
  /** The other files that hold bytes of these trees: where one is damaged, they may be as well. */
  readonly siblings: readonly Blake3[]
}

/** How many rows are read in one step, of some milliseconds. */
const BLOB_BATCH = 20_000
const TREE_BATCH = 500

interface BlobRow {
  readonly id: number
  readonly size: number
  readonly needs: number
}

interface FileRow extends BlobRow {
  readonly holds: number | null
}

/** Does to the records what `condemn` of the catalog promises, within the caller's transaction. Undefined where none names the file. */
export async function condemn(connection: Connection, blake3: Blake3): Promise<Condemned | undefined> {
  const file = connection.find<FileRow>(
    'SELECT id, size, needs, holds FROM blob WHERE blake3 = ? AND pack IS NULL',
    rawDigest(blake3),
  )
  if (file === undefined) return undefined
  const slices = await listSlices(connection, file)
  const isDistribution = connection.find('SELECT 1 FROM distribution WHERE id = ?', file.id) !== undefined
  const trees = await listTrees(connection, [file, ...slices], { isDistribution })
  const wheels = trees.flatMap((tree) => wheelsOf(connection, tree))
  const lost = trees.map((tree) => blake3OfBlob(connection, tree))
  const files = new Set(trees.flatMap((tree) => filesOf(connection, tree)))
  files.delete(blake3)
  for (const tree of trees) await removeTree(connection, tree)
  await removeBlobs(connection, file, { slices, isDistribution })
  const distribution = findDistribution(connection, { algorithm: 'blake3', hex: blake3 })
  return { distribution, wheels, trees: lost, siblings: [...files] }
}

/** A slice is always recorded after its pack, and so has a larger id. */
async function listSlices(connection: Connection, { id: pack, holds }: FileRow): Promise<BlobRow[]> {
  const slices: BlobRow[] = []
  const pace = new Pace()
  const { last } = connection.get<{ last: number }>('SELECT ifnull(max(id), 0) AS last FROM blob')
  for (let after = pack; slices.length < (holds ?? 0) && after < last; after += BLOB_BATCH) {
    slices.push(
      ...connection.all<BlobRow>(
        'SELECT id, size, needs FROM blob WHERE pack = ? AND id > ? AND id <= ?',
        pack,
        after,
        after + BLOB_BATCH,
      ),
    )
    if (pace.isDue) await pace.rest()
  }
  return slices
}

/** There is no index from a blob to its trees: they are looked for, until as many references are found as were counted. */
async function listTrees(
  connection: Connection,
  blobs: readonly BlobRow[],
  { isDistribution }: { readonly isDistribution: boolean },
): Promise<number[]> {
  const wanted = JSON.stringify(blobs.flatMap(({ id, needs }) => (needs > 0 ? [id] : [])))
  let missing = blobs.reduce((sum, { needs }) => sum + needs, 0) - Number(isDistribution)
  const trees: number[] = []
  const pace = new Pace()
  // Most likely they were added together with the file, or after it.
  const start = Math.max(0, (blobs[0]?.id ?? 0) - BLOB_BATCH)
  for (const range of [
    { after: start, end: Number.MAX_SAFE_INTEGER },
    { after: -1, end: start },
  ]) {
    let { after } = range
    while (missing > 0) {
      const { last } = connection.get<{ last: number | null }>(
        'SELECT max(id) AS last FROM (SELECT id FROM tree WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)',
        after,
        range.end,
        TREE_BATCH,
      )
      if (last === null) break
      const found = connection.all<{ tree: number; count: number }>(
        `SELECT tree, count(*) AS count FROM tree_blob
         WHERE tree > ? AND tree <= ? AND blob IN (SELECT value FROM json_each(?)) GROUP BY tree`,
        after,
        last,
        wanted,
      )
      for (const { tree, count } of found) {
        trees.push(tree)
        missing -= count
      }
      after = last
      if (pace.isDue) await pace.rest()
    }
  }
  return trees
}

function wheelsOf(connection: Connection, tree: number): Blake3[] {
  return connection
    .all<{ blake3: Uint8Array }>('SELECT blake3 FROM distribution JOIN blob USING (id) WHERE tree = ?', tree)
    .map((row) => blake3Of(row.blake3))
}

function filesOf(connection: Connection, tree: number): Blake3[] {
  return connection
    .all<{ blake3: Uint8Array }>(
      `SELECT blake3 FROM blob WHERE id IN
         (SELECT ifnull(pack, id) FROM tree_blob CROSS JOIN blob ON blob.id = tree_blob.blob WHERE tree = ?)`,
      tree,
    )
    .map((row) => blake3Of(row.blake3))
}

function blake3OfBlob(connection: Connection, id: number): Blake3 {
  return blake3Of(connection.get<{ blake3: Uint8Array }>('SELECT blake3 FROM blob WHERE id = ?', id).blake3)
}

/** Blobs that only this tree needed stay: its wheels are unpacked again and need them, or else a prune takes them. */
async function removeTree(connection: Connection, tree: number): Promise<void> {
  const pace = new Pace()
  for (const { blob } of connection.all<{ blob: number }>('SELECT blob FROM tree_blob WHERE tree = ?', tree)) {
    connection.run('UPDATE blob SET needs = needs - 1 WHERE id = ?', blob)
    if (pace.isDue) await pace.rest()
  }
  connection.run('UPDATE distribution SET tree = NULL, record = NULL WHERE tree = ?', tree)
  connection.run('DELETE FROM tree_blob WHERE tree = ?', tree)
  connection.run('DELETE FROM tree WHERE id = ?', tree)
}

async function removeBlobs(
  connection: Connection,
  { id, size, holds }: FileRow,
  { slices, isDistribution }: { readonly slices: readonly BlobRow[]; readonly isDistribution: boolean },
): Promise<void> {
  const gone = noChange()
  const pace = new Pace()
  for (const slice of slices) {
    connection.run('DELETE FROM blob WHERE id = ?', slice.id)
    gone.slices += 1
    gone.sliceBytes += slice.size
    if (pace.isDue) await pace.rest()
  }
  if (isDistribution) {
    connection.run('UPDATE blob SET holds = 0 WHERE id = ? AND holds IS NOT NULL', id)
  } else {
    connection.run('DELETE FROM blob WHERE id = ?', id)
    gone.files += 1
    gone.fileBytes += size
    if (holds !== null) {
      gone.packs += 1
      gone.packBytes += size
    }
  }
  subtractFromTotals(connection, gone)
}
