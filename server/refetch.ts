import type { IndexName } from '../storage/names.ts'
import type { DistributionRecord, Sighting } from '../storage/model.ts'
import type { FileSource } from './file-source.ts'
import { findListing } from './find-listing.ts'
import type { IndexSource } from './index-source.ts'
import type { PageSource } from './page-source.ts'

export interface RefetchOptions {
  readonly pages: PageSource
  readonly files: FileSource
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
}

/**
 * Downloads a stored distribution again whose file is damaged or gone, from the first of the places where it was seen that has it. False:
 * none has. Throws what the last one failed with, where one did.
 */
export async function refetch(options: RefetchOptions, record: DistributionRecord): Promise<boolean> {
  const failures: unknown[] = []
  for (const sighting of record.sightings) {
    try {
      if (await refetchFrom(sighting, options, record)) return true
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures.at(-1)
  return false
}

async function refetchFrom(
  { index, filename }: Sighting,
  { pages, files, indexes }: RefetchOptions,
  record: DistributionRecord,
): Promise<boolean> {
  const source = indexes.get(index)
  if (source === undefined) return false
  // An index that lists no SHA-256 may list other bytes by now.
  for (const sha256 of [record.sha256, undefined]) {
    const reference = { index, sha256, filename }
    const listing = await findListing(pages, source, reference)
    if (listing === undefined) continue
    const { blake3 } = await files.fetchOrFail(source, reference, listing)
    if (blake3 === record.blake3) return true
  }
  return false
}
