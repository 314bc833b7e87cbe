import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'

/** Files of the blob store that are looked up at once: some milliseconds. */
const BATCH = 2000

/** Removes files that a crash left without a record; once the signal is aborted, no more of them. */
export async function sweepOrphans(catalog: Catalog, blobs: BlobStore, signal?: AbortSignal): Promise<void> {
  const release = (gone: readonly Blake3[]): Promise<void> => blobs.remove(gone)
  let batch: Blake3[] = []
  for await (const blake3 of blobs.list()) {
    batch.push(blake3)
    if (signal?.aborted === true) return
    if (batch.length < BATCH) continue
    await catalog.releaseOrphans(batch, release)
    batch = []
  }
  await catalog.releaseOrphans(batch, release)
}
