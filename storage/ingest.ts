import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Clock } from './clock.ts'
import type { Digests } from './digest.ts'
import type { Distribution, Sighting } from './model.ts'
import type { Spool } from './spool.ts'

interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly clock: Clock
}

/**
 * Keeps a sealed spool whose digests were found right: fsync, then name and commit in one write transaction, so that a prune comes before or
 * after both, and a crash at any point leaves a file without a record at worst. On an error nothing is kept and the staged file is gone.
 */
export async function keepSpool(
  { catalog, blobs, clock }: Stores,
  spool: Spool,
  digests: Digests,
  sighting: Sighting,
): Promise<Distribution> {
  const { sha256, blake3 } = digests
  const distribution = { sha256, blake3, size: spool.received, storedAt: clock() }
  try {
    await spool.sync()
    await catalog.addDistribution(distribution, sighting, {
      adopt: () => blobs.adopt([{ path: spool.path, blake3 }]),
    })
    return distribution
  } catch (error) {
    await blobs.discard(spool.path)
    throw error
  }
}
