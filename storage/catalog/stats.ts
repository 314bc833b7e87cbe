import type { CatalogStats } from './catalog.ts'
import type { Connection } from './sqlite-connection.ts'
import { readTotals } from './totals.ts'

/** From the running totals: counting a million blobs would take a tenth of a second. */
export function readStats(connection: Connection): CatalogStats {
  const total = readTotals(connection)
  // An absence has neither validators nor content. The content is long, so it is looked for only where there are no validators.
  const { pages } = connection.get<{ pages: number }>(
    `SELECT count(*) AS pages FROM page WHERE etag IS NOT NULL OR last_modified IS NOT NULL
       OR EXISTS (SELECT 1 FROM page_content WHERE page = page.id)`,
  )
  return {
    pages,
    distributions: total.distributions,
    wheels: { unpacked: total.unpacked, refused: total.refused, pending: total.pending },
    trees: total.trees,
    blobs: total.files + total.slices - total.packs,
    packs: total.packs,
    files: total.files,
    logicalBytes: total.distributionBytes + total.treeBytes,
    uniqueBytes: total.fileBytes + total.sliceBytes - total.packBytes,
    storedBytes: total.fileBytes,
    slackBytes: total.packBytes - total.sliceBytes,
  }
}
