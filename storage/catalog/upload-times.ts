import type { Sha256 } from '../digest.ts'
import type { ListedFile } from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'
import { rawDigest, sha256Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'

export function findUploadTimes(connection: Connection, index: IndexName, project: ProjectName): Map<Sha256, number> {
  const rows = connection.all<{ file: Uint8Array; uploadedAt: number }>(
    `SELECT file, uploaded_at AS uploadedAt FROM upload_time JOIN page ON page.id = upload_time.page
     WHERE index_name = ? AND project = ?`,
    index,
    project,
  )
  return new Map(rows.map(({ file, uploadedAt }) => [sha256Of(file), uploadedAt]))
}

/** Files that a page no longer lists may come back: of these it keeps as many times as it lists files, and so many more. */
const KEPT_UNLISTED = 100

/** Drops the times of files that a page, just saved, no longer lists, if they have become many. */
export function dropUnlisted(connection: Connection, page: number, files: readonly ListedFile[]): void {
  const { kept } = connection.get<{ kept: number }>('SELECT count(*) AS kept FROM upload_time WHERE page = ?', page)
  if (kept <= 2 * files.length + KEPT_UNLISTED) return
  const listed = JSON.stringify(files.flatMap(({ hashes: { sha256 } }) => sha256 ?? []))
  connection.run(
    'DELETE FROM upload_time WHERE page = ? AND file NOT IN (SELECT unhex(value) FROM json_each(?))',
    page,
    listed,
  )
}

export function saveUploadTime(
  connection: Connection,
  { index, project, file }: { readonly index: IndexName; readonly project: ProjectName; readonly file: Sha256 },
  uploadedAt: number,
): void {
  connection.run(
    `INSERT INTO upload_time (page, file, uploaded_at) SELECT id, ?, ? FROM page WHERE index_name = ? AND project = ?
     ON CONFLICT DO NOTHING`,
    rawDigest(file),
    uploadedAt,
    index,
    project,
  )
}
