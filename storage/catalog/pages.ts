import type { StoredPage } from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'
import { formatPageContent } from './page-content.ts'
import { saveListing } from './listings.ts'
import type { Connection } from './sqlite-connection.ts'
import { dropUnlisted } from './upload-times.ts'

/** A page as it is stored. */
export interface PageRow {
  readonly etag: string | null
  readonly lastModified: string | null
  readonly fetchedAt: number
  /** As {@link formatPageContent} writes it. */
  readonly content: string
}

export function findPage(connection: Connection, index: IndexName, project: ProjectName): PageRow | undefined {
  return connection.find<PageRow>(
    `SELECT etag, last_modified AS lastModified, fetched_at AS fetchedAt, content
     FROM page JOIN page_content ON page = page.id WHERE index_name = ? AND project = ?`,
    index,
    project,
  )
}

export function savePage(connection: Connection, stored: StoredPage, json = formatPageContent(stored.page)): void {
  const { id } = connection.get<{ id: number }>(
    `INSERT INTO page (index_name, project, etag, last_modified, fetched_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (index_name, project) DO UPDATE
       SET etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = excluded.fetched_at
     RETURNING id`,
    stored.index,
    stored.project,
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

export function confirmPage(connection: Connection, index: IndexName, project: ProjectName, fetchedAt: number): void {
  connection.run('UPDATE page SET fetched_at = ? WHERE index_name = ? AND project = ?', fetchedAt, index, project)
}

export function forgetPage(connection: Connection, index: IndexName, project: ProjectName): void {
  connection.run('DELETE FROM page WHERE index_name = ? AND project = ?', index, project)
}
