import { chmod, mkdtemp, readdir, realpath, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DiskBlobStoreOptions, openDiskBlobStore } from '../../../storage/blobs/disk-blob-store.ts'
import { prepareDataFolder } from '../../../storage/data-folder.ts'
import { diskIo } from '../../../storage/io.ts'
import { createLayout, type Layout } from '../../../storage/layout.ts'
import type { BlobStoreFixture } from '../../contract/blob-store.ts'

/** A disk blob store in a temporary data folder. */
export async function createDiskFixture(
  options: Partial<DiskBlobStoreOptions> = {},
): Promise<BlobStoreFixture & { readonly layout: Layout }> {
  // As /proc names it.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'arbor-blobs-')))
  const layout = createLayout(folder)
  const remove = (): Promise<void> => rm(folder, { recursive: true })
  try {
    await prepareDataFolder(diskIo, layout)
  } catch (error) {
    await remove()
    throw error
  }
  return {
    folder,
    layout,
    open: () => openDiskBlobStore({ io: diskIo, layout, ...options }),
    async cut(blake3, size) {
      await chmod(layout.blob(blake3), 0o600)
      await truncate(layout.blob(blake3), size)
    },
    async overwrite(blake3, bytes) {
      await chmod(layout.blob(blake3), 0o600)
      await writeFile(layout.blob(blake3), bytes)
    },
    staged: () => listFiles(layout.staging),
    remove,
  }
}

/** Paths of the files under a folder, at any depth. */
export async function listFiles(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
}
