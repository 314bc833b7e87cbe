import { setTimeout } from 'node:timers/promises'
import type { Sha256 } from '../digest.ts'
import type { ListedFile, PageName } from '../model.ts'
import type { Catalog } from './catalog.ts'
import { Pace } from '../pace.ts'
import { rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { BETWEEN_WRITES_MS, type Transactions } from './transactions.ts'

/**
 * What is kept of each SHA-256 that a page lists, all of a page in one row: the page itself says whether it is the one. A row and index entry
 * for each digest would make the search twenty microseconds in place of four milliseconds (for a million listed files), but the saving of a
 * page of 5000 files fifty milliseconds and 13 MB of log in place of less than one and 20 KB, since digests fall anywhere in an index.
 */
const PREFIX_BYTES = 4

/** How many ids of pages one step of a search goes over. */
const SEARCH_BATCH = 500

/** How many pages are completed before writers of other processes get their turn. */
const COMPLETE_BATCH = 50

/** As {@link Catalog.savePage} writes a file's hashes; those of its metadata stand under another name. */
const LISTED_SHA256 = /"hashes":\{[^}]*"sha256":"([0-9a-f]{8})/g

/** The part of the catalog that is about which page lists what. */
export function listingsOf(db: Transactions): Pick<Catalog, 'findPagesListing' | 'completeListings'> {
  return {
    findPagesListing: (sha256) => findPagesListing(db, sha256),
    completeListings: ({ signal }) => completeListings(db, signal),
  }
}

/** Notes what a page lists, in the transaction that saves it; it goes with the page. */
export function saveListing(connection: Connection, page: number, files: readonly ListedFile[]): void {
  const heads = files.flatMap(({ hashes: { sha256 } }) => sha256?.slice(0, 2 * PREFIX_BYTES) ?? [])
  connection.run(
    `INSERT INTO listing (page, prefixes) VALUES (?, ?)
     ON CONFLICT (page) DO UPDATE SET prefixes = excluded.prefixes WHERE prefixes <> excluded.prefixes`,
    page,
    Buffer.from(heads.join(''), 'hex'),
  )
}

/** In steps, each of which sees another moment: a page that is saved meanwhile may be missed. */
async function findPagesListing(db: Transactions, sha256: Sha256): Promise<readonly PageName[]> {
  const { last } = await db.read((connection) =>
    connection.get<{ last: number }>('SELECT ifnull(max(page), 0) AS last FROM listing'),
  )
  const found: PageName[] = []
  const pace = new Pace()
  for (let after = 0; after < last; after += SEARCH_BATCH) {
    found.push(...(await db.read((connection) => searchListings(connection, sha256, after))))
    if (pace.isDue) await pace.rest()
  }
  return found
}

function searchListings(connection: Connection, sha256: Sha256, after: number): PageName[] {
  return connection
    .all<PageName>(
      `SELECT index_name AS "index", project
       FROM listing CROSS JOIN page ON page.id = listing.page CROSS JOIN page_content ON page_content.page = listing.page
       WHERE listing.page > ? AND listing.page <= ? AND instr(prefixes, ?) > 0 AND instr(content, ?) > 0`,
      after,
      after + SEARCH_BATCH,
      rawDigest(sha256).subarray(0, PREFIX_BYTES),
      sha256,
    )
    .map(({ index, project }) => ({ index, project }))
}

async function completeListings(db: Transactions, signal: AbortSignal): Promise<void> {
  const pace = new Pace()
  for (;;) {
    const pages = await db.read(listIncomplete)
    for (const page of pages) {
      if (signal.aborted) return
      const content = await db.read((connection) => findContent(connection, page))
      const prefixes = await readPrefixes(content ?? '', pace)
      await db.write('normal', (connection) => addListing(connection, page, prefixes))
    }
    if (pages.length < COMPLETE_BATCH) return
    await setTimeout(BETWEEN_WRITES_MS)
  }
}

function listIncomplete(connection: Connection): number[] {
  return connection
    .all<{ page: number }>(
      'SELECT id AS page FROM page WHERE NOT EXISTS (SELECT 1 FROM listing WHERE page = page.id) ORDER BY id LIMIT ?',
      COMPLETE_BATCH,
    )
    .map(({ page }) => page)
}

function findContent(connection: Connection, page: number): string | undefined {
  return connection.find<{ content: string }>('SELECT content FROM page_content WHERE page = ?', page)?.content
}

async function readPrefixes(content: string, pace: Pace): Promise<Uint8Array> {
  const heads: string[] = []
  for (const [, head = ''] of content.matchAll(LISTED_SHA256)) {
    heads.push(head)
    if (pace.isDue) await pace.rest()
  }
  return Buffer.from(heads.join(''), 'hex')
}

/** Does nothing where the page was saved anew meanwhile, or is gone. */
function addListing(connection: Connection, page: number, prefixes: Uint8Array): void {
  connection.run(
    'INSERT INTO listing (page, prefixes) SELECT id, ? FROM page WHERE id = ? ON CONFLICT (page) DO NOTHING',
    prefixes,
    page,
  )
}
