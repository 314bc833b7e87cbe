import { DatabaseSync } from 'node:sqlite'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'

/** What a generated catalog has. Each wheel has a tree: the other distributions are sdists. */
export const LARGE = {
  blobs: 1_000_000,
  distributions: 100_000,
  wheels: 60_000,
  projects: 10_000,
  pages: 5000,
} as const

/** In this order: the wheel, its pack, its manifest, twelve slices, one large file. */
const BLOBS_PER_WHEEL = 16
const OF_WHEELS = LARGE.wheels * BLOBS_PER_WHEEL

/** When the first was stored, milliseconds since the epoch, and how long until the next. */
export const FIRST_STORED_AT = Date.UTC(2025, 0, 1)
const APART_MS = 60_000

/** Whole days since the epoch. */
export const TODAY = Math.floor(Date.now() / 86_400_000)

const SIZE = { wheel: 500_000, pack: 13 * 8000, slice: 8000, large: 200_000, sdist: 300_000 } as const
/** A tree has the files of its own wheel, and those of the two wheels before it, as versions of a project do. */
const SHARED = 2
const FILES_PER_TREE = 13 * (1 + SHARED)

/**
 * Makes the catalog of a large store: {@link LARGE}, none of whose files exist. Straight into the tables, in some ten seconds; through the
 * interface it would take minutes.
 */
export async function generateCatalog(path: string): Promise<void> {
  await (await openSqliteCatalog({ path })).close()
  using database = new DatabaseSync(path)
  database.exec(
    'PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -400000; PRAGMA foreign_keys = off',
  )
  database.exec('BEGIN')
  for (const sql of [BLOBS, TREES, TREE_BLOBS, DISTRIBUTIONS, SIGHTINGS, PAGES, CONTENTS, LISTINGS, TRAFFIC, TOTALS])
    database.exec(sql)
  database.exec('COMMIT')
}

/** Numbers from 0. */
function counting(count: number): string {
  return `WITH RECURSIVE counting(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counting WHERE n + 1 < ${count})`
}

const BLOBS = `
  ${counting(LARGE.blobs)}, numbered AS (SELECT n, n / 16 AS wheel, iif(n < ${OF_WHEELS}, n % 16, -1) AS part FROM counting)
  INSERT INTO blob (id, blake3, size, pack, offset, needs, holds)
    SELECT n + 1, randomblob(32),
      CASE part WHEN -1 THEN ${SIZE.sdist} WHEN 0 THEN ${SIZE.wheel} WHEN 1 THEN ${SIZE.pack} WHEN 15 THEN ${SIZE.large}
        ELSE ${SIZE.slice} END,
      iif(part BETWEEN 2 AND 14, wheel * 16 + 2, NULL), iif(part BETWEEN 2 AND 14, (part - 2) * ${SIZE.slice}, NULL),
      CASE WHEN part = 1 THEN 0 WHEN part > 2 THEN 1 + min(${SHARED}, ${LARGE.wheels - 1} - wheel) ELSE 1 END,
      iif(part = 1, 13, NULL)
    FROM numbered`

const TREES = `
  ${counting(LARGE.wheels)}
  INSERT INTO tree (id, dirhash, archive_id, file_count, size)
    SELECT n * 16 + 3, randomblob(32), lower(hex(randomblob(12))), ${FILES_PER_TREE}, ${FILES_PER_TREE} * ${SIZE.slice}
    FROM counting`

/** Sorted as the table is, which is much faster. */
const TREE_BLOBS = `
  ${counting(LARGE.wheels)}, parts(part) AS (SELECT 3 UNION ALL SELECT part + 1 FROM parts WHERE part < 15),
    backs(back) AS (VALUES (2), (1), (0))
  INSERT INTO tree_blob (tree, blob)
    SELECT n * 16 + 3, (n - back) * 16 + part + 1 FROM counting, backs, parts WHERE n >= back
    UNION ALL SELECT n * 16 + 3, n * 16 + 3 FROM counting
    ORDER BY 1, 2`

const DISTRIBUTIONS = `
  ${counting(LARGE.distributions)}
  INSERT INTO distribution (id, sha256, size, stored_at, used_at, wheel, tree, record)
    SELECT iif(n < ${LARGE.wheels}, n * 16 + 1, ${OF_WHEELS} + n - ${LARGE.wheels} + 1), randomblob(32),
      iif(n < ${LARGE.wheels}, ${SIZE.wheel}, ${SIZE.sdist}),
      ${FIRST_STORED_AT} + n * ${APART_MS}, ${FIRST_STORED_AT} + n * ${APART_MS},
      n < ${LARGE.wheels}, iif(n < ${LARGE.wheels}, n * 16 + 3, NULL), iif(n < ${LARGE.wheels}, 'ok', NULL)
    FROM counting`

const SIGHTINGS = `
  INSERT INTO sighting (distribution, index_name, project, filename)
    SELECT id, 'pypi', 'project-' || (number % ${LARGE.projects}), printf('project_%d-%d.0%s',
      number % ${LARGE.projects}, number / ${LARGE.projects}, iif(wheel, '-py3-none-any.whl', '.tar.gz'))
    FROM (SELECT id, wheel, row_number() OVER (ORDER BY stored_at) AS number FROM distribution)`

const PAGES = `
  ${counting(LARGE.pages)}
  INSERT INTO page (id, index_name, project, etag, fetched_at)
    SELECT n + 1, 'pypi', 'project-' || n, '"' || n || '"', ${FIRST_STORED_AT} + n FROM counting`

const CONTENTS = `
  INSERT INTO page_content (page, content)
    SELECT id, json_object('project', project, 'files', json_array(), 'extra', json_object('filler', hex(zeroblob(10000))))
    FROM page`

/** A hundred files each. */
const LISTINGS = `INSERT INTO listing (page, prefixes) SELECT id, randomblob(400) FROM page`

/** Of the last hundred days, a thousand projects a day: older ones go. */
const TRAFFIC = `
  ${counting(100_000)}
  INSERT INTO traffic (day, index_name, project, hits, misses, bytes_from_upstream, bytes_served, bytes_saved)
    SELECT ${TODAY - 99} + n / 1000, 'pypi', 'project-' || (n % 1000), 10, 1, 1000, 11000, 10000
    FROM counting`

/** Those that no trigger keeps. */
const TOTALS = `
  UPDATE total SET (files, file_bytes, slices, slice_bytes, packs, pack_bytes) = (
    SELECT count(*) FILTER (WHERE pack IS NULL), sum(size) FILTER (WHERE pack IS NULL),
      count(*) FILTER (WHERE pack IS NOT NULL), sum(size) FILTER (WHERE pack IS NOT NULL),
      count(holds), sum(size) FILTER (WHERE holds IS NOT NULL) FROM blob)`
