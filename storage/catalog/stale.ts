import { setTimeout } from 'node:timers/promises'
import { Pace } from '../pace.ts'
import type { Connection } from './sqlite-connection.ts'
import { BETWEEN_WRITES_MS, type Transactions } from './transactions.ts'

/** How many of each kind were dropped. */
export interface StaleCounts {
  readonly pages: number
  readonly metadata: number
}

/** How many rows are read in one step. */
const READ_BATCH = 2000

/** How many rows go while nobody else can write. */
const DROP_BATCH = 200

/** Nothing is stored of the page's project; and nobody asked for the page, or upstream would have confirmed it. */
const STALE_PAGE = `fetched_at < ? AND NOT EXISTS (
  SELECT 1 FROM project WHERE project.index_name = page.index_name AND project.project = page.project)`

const STALE_METADATA = 'saved_at < ? AND NOT EXISTS (SELECT 1 FROM distribution WHERE sha256 = metadata.wheel)'

/** What `dropStale` of the catalog promises. */
export async function dropStale(
  transactions: Transactions,
  before: number,
  signal?: AbortSignal,
): Promise<StaleCounts> {
  const limits = { before, signal }
  const pages = await transactions.survey((connection) => listPages(connection, limits))
  const metadata = await transactions.survey((connection) => listMetadata(connection, limits))
  const sqlOfPage = `DELETE FROM page WHERE id = ? AND ${STALE_PAGE}`
  const sqlOfMetadata = `DELETE FROM metadata WHERE id = ? AND ${STALE_METADATA}`
  return {
    pages: await drop(transactions, pages, { sql: sqlOfPage, ...limits }),
    metadata: await drop(transactions, metadata, { sql: sqlOfMetadata, ...limits }),
  }
}

interface Limits {
  readonly before: number
  readonly signal: AbortSignal | undefined
}

/** Deletes those of these rows that still meet the condition. */
async function drop(
  transactions: Transactions,
  ids: readonly number[],
  { sql, before, signal }: Limits & { readonly sql: string },
): Promise<number> {
  let dropped = 0
  for (let start = 0; start < ids.length; start += DROP_BATCH) {
    if (signal?.aborted === true) break
    if (start > 0) await setTimeout(BETWEEN_WRITES_MS)
    await transactions.write('normal', (connection) => {
      for (const id of ids.slice(start, start + DROP_BATCH)) dropped += connection.run(sql, id, before)
    })
  }
  return dropped
}

async function listPages(connection: Connection, { before, signal }: Limits): Promise<number[]> {
  const { last } = connection.get<{ last: number }>('SELECT ifnull(max(id), 0) AS last FROM page')
  const stale: number[] = []
  const pace = new Pace()
  for (let after = 0; after < last; after += READ_BATCH) {
    if (signal?.aborted === true) break
    const rows = connection.all<{ id: number }>(
      `SELECT id FROM page WHERE id > ? AND id <= ? AND ${STALE_PAGE}`,
      after,
      after + READ_BATCH,
      before,
    )
    stale.push(...rows.map(({ id }) => id))
    if (pace.isDue) await pace.rest()
  }
  return stale
}

/** From the index alone: the rows themselves are long. */
async function listMetadata(connection: Connection, { before, signal }: Limits): Promise<number[]> {
  const stale: number[] = []
  const pace = new Pace()
  // With the id, since several indexes may say something of one wheel at the same moment.
  let last: { readonly savedAt: number; readonly wheel: Uint8Array; readonly id: number } | undefined = {
    savedAt: Number.MIN_SAFE_INTEGER,
    wheel: new Uint8Array(),
    id: 0,
  }
  while (last !== undefined) {
    if (signal?.aborted === true) break
    const rows: { id: number; savedAt: number; wheel: Uint8Array; isStale: number }[] = connection.all(
      `SELECT id, saved_at AS savedAt, wheel, ${STALE_METADATA} AS isStale FROM metadata INDEXED BY metadata_saved
       WHERE (saved_at, wheel, id) > (?, ?, ?) AND saved_at < ? ORDER BY saved_at, wheel, id LIMIT ?`,
      before,
      last.savedAt,
      last.wheel,
      last.id,
      before,
      READ_BATCH,
    )
    stale.push(...rows.flatMap(({ id, isStale }) => (isStale === 1 ? [id] : [])))
    last = rows.at(-1)
    if (pace.isDue) await pace.rest()
  }
  return stale
}
