import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { openDiskBlobStore } from '../../../storage/blobs/disk-blob-store.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { prepareDataFolder } from '../../../storage/data-folder.ts'
import { diskIo } from '../../../storage/io.ts'
import { createLayout } from '../../../storage/layout.ts'
import { parseFilename, parseProjectName } from '../../../storage/names.ts'
import { Store } from '../../../storage/store.ts'
import type { Unpacker } from '../../../storage/unpacker.ts'
import { hashBlake3, hashSha256 } from '../../../storage/digest.ts'
import { WHEEL } from '../../contract/catalog-samples.ts'

const SIZE = 50_000

// Its argument is a folder on a small file system of its own: fills that to the last byte, then has a store there pruned.
const folder = process.argv[2]!
const layout = createLayout(path.join(folder, 'data'))
await prepareDataFolder(diskIo, layout)
const store = new Store({
  io: diskIo,
  clock: () => 1e6,
  folder,
  catalog: await openSqliteCatalog({ path: layout.catalog }),
  blobs: await openDiskBlobStore({ io: diskIo, layout }),
  unpacker: { close: () => Promise.resolve() } as unknown as Unpacker,
  memoryBytes: 1 << 20,
  onError(error) {
    throw error
  },
})
for (let number = 0; number < 40; number += 1) {
  const bytes = randomBytes(SIZE)
  const blake3 = hashBlake3(bytes)
  await mkdir(path.dirname(layout.blob(blake3)), { recursive: true })
  await writeFile(layout.blob(blake3), bytes)
  const distribution = { blake3, sha256: hashSha256(bytes), size: SIZE, storedAt: number }
  await store.catalog.addDistribution(distribution, WHEEL)
  store.noteUse(blake3)
}
await store.planPrune({}) // Writes the uses.
await fillUp(path.join(folder, 'filler'))
// What is left in the log of the database is too little for much.
const longName = parseFilename('x'.repeat(250))
const { sha256 } = (await store.planPrune({ maxBytes: 0 })).distributions.at(0)!
await assert.rejects(
  async () => {
    for (let number = 0; number < 100_000; number += 1) {
      await store.catalog.addSighting(sha256, { ...WHEEL, filename: longName, project: parseProjectName(`p${number}`) })
    }
  },
  { code: 'ERR_STORE_FULL' },
)
store.noteUse(hashBlake3(Buffer.of(1)))
const plan = await store.planPrune({ maxBytes: 2 * SIZE })
const outcome = await store.executePrune(plan)
assert.equal(outcome.distributions, 38)
assert.equal(outcome.freedBytes, plan.freedBytes)
assert.equal((await store.planPrune({ maxBytes: 2 * SIZE })).distributions.length, 0)
assert.equal((await store.stats()).storedBytes, 2 * SIZE)
await store.close()

async function fillUp(file: string): Promise<void> {
  await writeFile(file, '')
  for (let size = 1 << 20; size >= 1; size = Math.floor(size / 2)) {
    for (;;) {
      try {
        await appendFile(file, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        break
      }
    }
  }
  assert.ok((await stat(file)).size > 0)
}
