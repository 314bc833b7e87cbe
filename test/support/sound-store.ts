import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { type Blake3, hashBlake3, hashSha256, parseBlake3 } from '../../storage/digest.ts'
import { createLayout, type Layout } from '../../storage/layout.ts'

interface BlobRow {
  readonly blake3: string
  readonly size: number
  readonly pack: string | null
  readonly offset: number | null
  /** Where it is a distribution's. */
  readonly sha256: string | null
}

/**
 * What is wrong with a data folder that nobody writes to, whoever was killed in it: records without their bytes, files that are not what
 * their name says, a catalog that contradicts itself. Files without a record are no fault, unless `isSwept`: an executed prune removes them.
 */
export async function findFaults(folder: string, { isSwept = false } = {}): Promise<string[]> {
  const layout = createLayout(folder)
  const rows = readRows(layout)
  const holders = Map.groupBy(rows, ({ blake3, pack }) => pack ?? blake3)
  const faults: string[] = []
  for (const blake3 of await listBlobs(layout)) {
    const bytes = await readFile(layout.blob(blake3))
    if (hashBlake3(bytes) !== blake3) faults.push(`file ${blake3} has other bytes than its name says`)
    const held = holders.get(blake3)
    if (held === undefined && isSwept) faults.push(`file ${blake3} has no record`)
    for (const row of held ?? []) faults.push(...faultsOf(row, bytes))
    holders.delete(blake3)
  }
  for (const [blake3, held] of holders) faults.push(`file ${blake3} is gone, with ${held.length} blobs`)
  return [...faults, ...(await contradictionsIn(layout, rows))]
}

/** Paths of what is being written, or was, by whatever process; lock files aside. */
export async function findStaged(folder: string): Promise<string[]> {
  const { staging } = createLayout(folder)
  const found = await readdir(staging, { recursive: true, withFileTypes: true })
  return found
    .filter((each) => each.isFile() && !each.name.includes('.lock'))
    .map((each) => join(each.parentPath, each.name))
}

/** What in the staging folder, lock files and folders included, was not touched since a time in milliseconds. */
export async function findOldStaged(folder: string, since: number): Promise<string[]> {
  const { staging } = createLayout(folder)
  const old: string[] = []
  for (const name of await readdir(staging, { recursive: true })) {
    const found = await stat(join(staging, name)).catch(() => undefined) // Gone meanwhile.
    if (found !== undefined && found.ctimeMs < since) old.push(name)
  }
  return old
}

/** Bytes of the files in the blob store. */
export async function countBytes(folder: string): Promise<number> {
  const layout = createLayout(folder)
  let bytes = 0
  for (const blake3 of await listBlobs(layout)) bytes += (await stat(layout.blob(blake3))).size
  return bytes
}

function faultsOf({ blake3, size, offset, sha256 }: BlobRow, file: Buffer): string[] {
  const start = offset ?? 0
  const bytes = file.subarray(start, start + size)
  const isWhole = bytes.length === size && (offset !== null || file.length === size)
  if (!isWhole || hashBlake3(bytes) !== blake3) return [`blob ${blake3} is not where its record says`]
  return sha256 === null || hashSha256(bytes) === sha256 ? [] : [`distribution ${sha256} has other bytes`]
}

function readRows(layout: Layout): BlobRow[] {
  const database = new DatabaseSync(layout.catalog, { readOnly: true })
  try {
    return database
      .prepare(
        `SELECT lower(hex(blob.blake3)) AS blake3, blob.size, blob.offset,
           iif(blob.pack IS NULL, NULL, lower(hex(pack.blake3))) AS pack, iif(sha256 IS NULL, NULL, lower(hex(sha256))) AS sha256
         FROM blob LEFT JOIN blob AS pack ON pack.id = blob.pack LEFT JOIN distribution ON distribution.id = blob.id`,
      )
      .all() as unknown as BlobRow[]
  } finally {
    database.close()
  }
}

async function contradictionsIn(layout: Layout, rows: readonly BlobRow[]): Promise<string[]> {
  const database = new DatabaseSync(layout.catalog, { readOnly: true })
  const faults: string[] = []
  try {
    const [integrity] = database.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
    if (integrity?.integrity_check !== 'ok') faults.push(`the catalog: ${integrity?.integrity_check}`)
    if (database.prepare('PRAGMA foreign_key_check').all().length > 0)
      faults.push('the catalog: a reference leads nowhere')
  } finally {
    database.close()
  }
  const catalog = await openSqliteCatalog({ path: layout.catalog, readOnly: true })
  try {
    const { storedBytes } = await catalog.stats()
    const recorded = rows.reduce((sum, { pack, size }) => (pack === null ? sum + size : sum), 0)
    if (storedBytes !== recorded) faults.push(`the totals say ${storedBytes} bytes, the records ${recorded}`)
    const plan = await catalog.planPrune({ maxBytes: 0 }, Number.MAX_SAFE_INTEGER)
    if (plan.freedBytes !== storedBytes) faults.push(`all that can go is ${plan.freedBytes} bytes of ${storedBytes}`)
  } finally {
    await catalog.close()
  }
  return faults
}

async function listBlobs(layout: Layout): Promise<Blake3[]> {
  const found: Blake3[] = []
  for (const prefix of await readdir(layout.blobs)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const rest of await readdir(layout.blobFolder(prefix))) found.push(parseBlake3(prefix + rest))
  }
  return found
}
