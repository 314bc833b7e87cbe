import type { Sha256 } from '../digest.ts'
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
