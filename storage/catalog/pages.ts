import type { StoredPage } from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'
import type { Catalog } from './catalog.ts'
import { formatPageContent, parsePageContent } from './page-content.ts'
import { saveListing } from './listings.ts'
import type { Connection } from './sqlite-connection.ts'
import type { Transactions } from './transactions.ts'
import { dropUnlisted } from './upload-times.ts'

type Pages = Pick<
  Catalog,
  'findPage' | 'savePage' | 'confirmPage' | 'saveAbsence' | 'findAbsence' | 'forgetPage' | 'hasPageFrom'
>

/** The part of the catalog that is about project pages. */
export function pagesOf(db: Transactions): Pages {
  return {
    async findPage(index, project) {
      const row = await db.read((connection) => findPage(connection, index, project))
      if (row === undefined) return undefined
      const { content, fetchedAt } = row
      const page = await parsePageContent(content).catch(undefinedIfDamaged)
      if (page === undefined) return undefined
      const validators = { etag: row.etag ?? undefined, lastModified: row.lastModified ?? undefined }
      return { index, project, page, source: row.source ?? undefined, ...validators, fetchedAt }
    },
    savePage: (page, { json } = {}) => db.write('normal', (connection) => savePage(connection, page, json)),
    confirmPage: (index, project, fetchedAt) =>
      db.write('normal', (connection) => confirmPage(connection, index, project, fetchedAt)),
    saveAbsence: (index, project, foundAt) =>
      db.write('normal', (connection) => saveAbsence(connection, index, project, foundAt)),
    findAbsence: (index, project) => db.read((connection) => findAbsence(connection, index, project)),
    forgetPage: (index, project) => db.write('normal', (connection) => forgetPage(connection, index, project)),
    hasPageFrom: (source, index) => db.read((connection) => hasPageFrom(connection, source, index)),
  }
}

/** SQLite does not notice a bit that the disk changed. The page counts as unknown, and is fetched again: otherwise all requests for its project would fail. */
function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof SyntaxError)) throw error
}

/** A page as it is stored. */
interface PageRow {
  readonly source: string | null
  readonly etag: string | null
  readonly lastModified: string | null
  readonly fetchedAt: number
  /** As {@link formatPageContent} writes it. */
  readonly content: string
}

function findPage(connection: Connection, index: IndexName, project: ProjectName): PageRow | undefined {
  return connection.find<PageRow>(
    `SELECT source, etag, last_modified AS lastModified, fetched_at AS fetchedAt, content
     FROM page JOIN page_content ON page = page.id WHERE index_name = ? AND project = ?`,
    index,
    project,
  )
}

function savePage(connection: Connection, stored: StoredPage, json = formatPageContent(stored.page)): void {
  const { id } = connection.get<{ id: number }>(
    `INSERT INTO page (index_name, project, source, etag, last_modified, fetched_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (index_name, project) DO UPDATE SET source = excluded.source,
       etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = excluded.fetched_at
     RETURNING id`,
    stored.index,
    stored.project,
    stored.source ?? null,
    stored.etag ?? null,
    stored.lastModified ?? null,
    stored.fetchedAt,
  )
  connection.run(
    `INSERT INTO page_content (page, content) VALUES (?, ?)
     ON CONFLICT (page) DO UPDATE SET content = excluded.content WHERE content <> excluded.content`,
    id,
    json,
  )
  saveListing(connection, id, stored.page.files)
  dropUnlisted(connection, id, stored.page.files)
}

/** Does nothing where another process saved an absence meanwhile, which would otherwise become fresh. */
function confirmPage(connection: Connection, index: IndexName, project: ProjectName, fetchedAt: number): void {
  connection.run(
    `UPDATE page SET fetched_at = ?
     WHERE index_name = ? AND project = ? AND EXISTS (SELECT 1 FROM page_content WHERE page = page.id)`,
    fetchedAt,
    index,
    project,
  )
}

/** A page without content; unless a newer page is there. */
function saveAbsence(connection: Connection, index: IndexName, project: ProjectName, foundAt: number): void {
  const saved = connection.find<{ id: number }>(
    `INSERT INTO page (index_name, project, fetched_at) VALUES (?, ?, ?)
     ON CONFLICT (index_name, project) DO UPDATE
       SET etag = NULL, last_modified = NULL, fetched_at = excluded.fetched_at WHERE fetched_at <= excluded.fetched_at
     RETURNING id`,
    index,
    project,
    foundAt,
  )
  if (saved === undefined) return
  connection.run('DELETE FROM page_content WHERE page = ?', saved.id)
  saveListing(connection, saved.id, [])
  dropUnlisted(connection, saved.id, [])
}

/** When {@link saveAbsence} was told so; undefined: it was not, or there is a page again. */
function findAbsence(connection: Connection, index: IndexName, project: ProjectName): number | undefined {
  const found = connection.find<{ foundAt: number }>(
    `SELECT fetched_at AS foundAt FROM page
     WHERE index_name = ? AND project = ? AND NOT EXISTS (SELECT 1 FROM page_content WHERE page = page.id)`,
    index,
    project,
  )
  return found?.foundAt
}

function forgetPage(connection: Connection, index: IndexName, project: ProjectName): void {
  connection.run('DELETE FROM page WHERE index_name = ? AND project = ?', index, project)
}

/** An older version of Arbor kept no source. */
function hasPageFrom(connection: Connection, source: string, index: IndexName): boolean {
  const found = connection.find<{ id: number }>(
    `SELECT id FROM page JOIN page_content ON page = page.id WHERE index_name = ? AND ifnull(source, ?2) = ?2 LIMIT 1`,
    index,
    source,
  )
  return found !== undefined
}
