/**
 * A process of its own that has the store in `process.argv[2]` open. Told `adopt`, it stages and adopts blobs 0 to 49 and ends; told `hold`, it
 * stages one file, says where, and stays until it is killed.
 */
import { writeFile } from 'node:fs/promises'
import { openDiskBlobStore } from '../../../storage/blobs/disk-blob-store.ts'
import { prepareDataFolder } from '../../../storage/data-folder.ts'
import { diskIo } from '../../../storage/io.ts'
import { createLayout } from '../../../storage/layout.ts'
import { stageFile } from '../../contract/blob-store.ts'

const [, , folder, order] = process.argv
if (folder === undefined) throw new Error('which folder?')
const layout = createLayout(folder)
await prepareDataFolder(diskIo, layout)
const store = await openDiskBlobStore({ io: diskIo, layout })
if (order === 'adopt') {
  const contents = Array.from({ length: 50 }, (_, index) => Buffer.from(`blob ${index}`))
  await store.adopt(await Promise.all(contents.map((content) => stageFile(store, content))))
  await store.close()
} else {
  const path = store.stage()
  await writeFile(path, 'half of some')
  process.stdout.write(`${path}\n`)
  setInterval(() => {}, 1 << 30)
}
