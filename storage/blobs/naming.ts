import { dirname } from 'node:path'
import { isMissing, type NamingIo } from '../io.ts'
import { createLayout, type Layout } from '../layout.ts'
import type { StagedFile } from './blob-store.ts'
import { DISK_WIDTH, inParallel } from './in-parallel.ts'

/** Staged files that become blobs, in values that can be sent to a thread. */
export interface NamingJob {
  /** The data folder. */
  readonly folder: string
  readonly files: readonly StagedFile[]
}

/**
 * Gives staged files their names. What has a name already is replaced: it may be what a power cut left of a file that was never synced. Each file
 * is either a blob or still staged when this rejects with the error of the disk.
 */
export async function nameBlobs(io: NamingIo, { folder, files }: NamingJob): Promise<void> {
  const layout = createLayout(folder)
  await inParallel(files, DISK_WIDTH, (file) => nameBlob(io, layout, file))
}

async function nameBlob(io: NamingIo, layout: Layout, { path, blake3 }: StagedFile): Promise<void> {
  const target = layout.blob(blake3)
  await io.makeReadOnly(path)
  try {
    await io.rename(path, target)
  } catch (error) {
    if (!isMissing(error)) throw error
    await io.makeFolder(dirname(target))
    await io.rename(path, target)
  }
}
