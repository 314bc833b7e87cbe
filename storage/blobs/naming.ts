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
  /** Whether the folders that they go to may be new. */
  readonly isAnyFolderNew: boolean
}

/**
 * Gives staged files their names, durably; where a blob has the name already, the staged file is removed, but a blob of another length is damaged,
 * and is replaced. Each file is either a blob or still staged when this rejects with the error of the disk.
 */
export async function nameBlobs(io: NamingIo, { folder, files, isAnyFolderNew }: NamingJob): Promise<void> {
  const layout = createLayout(folder)
  await inParallel(files, DISK_WIDTH, (file) => nameBlob(io, layout, file))
  // Also where the blob was there: whoever gave it its name may not have come to this point yet.
  await inParallel(foldersOf(layout, files), DISK_WIDTH, (path) => io.syncFolder(path))
  if (isAnyFolderNew) await io.syncFolder(layout.blobs)
}

/** The folders that the files go to. */
export function foldersOf(layout: Layout, files: readonly StagedFile[]): Set<string> {
  return new Set(files.map(({ blake3 }) => dirname(layout.blob(blake3))))
}

async function nameBlob(io: NamingIo, layout: Layout, { path, blake3 }: StagedFile): Promise<void> {
  const target = layout.blob(blake3)
  const size = await io.size(target)
  if (size !== undefined) {
    const staged = await io.size(path)
    if (staged === undefined || staged === size) return io.remove(path)
  }
  await io.makeReadOnly(path)
  try {
    await io.rename(path, target)
  } catch (error) {
    if (!isMissing(error)) throw error
    await io.makeFolder(dirname(target))
    await io.rename(path, target)
  }
}
