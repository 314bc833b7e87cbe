import type { ProjectPage, StoredPage } from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'
import type { Connection } from './sqlite-connection.ts'

interface PageRow {
  readonly etag: string | null
  readonly lastModified: string | null
  readonly fetchedAt: number
  readonly content: string
}

export function findPage(connection: Connection, index: IndexName, project: ProjectName): StoredPage | undefined {
  const row = connection.find<PageRow>(
    `SELECT etag, last_modified AS lastModified, fetched_at AS fetchedAt, content
     FROM page JOIN page_content ON page = page.id WHERE index_name = ? AND project = ?`,
    index,
    project,
  )
  if (row === undefined) return undefined
  return {
    index,
    project,
    page: JSON.parse(row.content) as ProjectPage,
    etag: row.etag ?? undefined,
    lastModified: row.lastModified ?? undefined,
    fetchedAt: row.fetchedAt,
  }
}

export function savePage(connection: Connection, stored: StoredPage, json = JSON.stringify(stored.page)): void {
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
}

export function confirmPage(connection: Connection, index: IndexName, project: ProjectName, fetchedAt: number): void {
  connection.run('UPDATE page SET fetched_at = ? WHERE index_name = ? AND project = ?', fetchedAt, index, project)
}

export function forgetPage(connection: Connection, index: IndexName, project: ProjectName): void {
  connection.run('DELETE FROM page WHERE index_name = ? AND project = ?', index, project)
}
