import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../storage/archive/member.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { StoreChangedError } from '../../storage/errors.ts'
import { createTree } from '../../storage/manifest.ts'
import type { Tree, TreeFile } from '../../storage/model.ts'
import type { Store } from '../../storage/store.ts'
import { layOutTarGz } from '../../storage/tar/tar-gz-layout.ts'
import { TreeRenditions, type TreeRenditionsOptions } from '../../storage/tree-renditions.ts'
import { openFilesUnder } from '../contract/blob-store.ts'
import { noMender } from '../support/no-mender.ts'
import { openStore, openWheelStore } from '../support/wheel-store.ts'

type Chunks = AsyncIterator<Uint8Array, undefined>

async function open(store: Store, tree: Tree, form: 'tar' | 'tar.gz' | 'tar.zst'): Promise<Chunks> {
  const rendition = await store.renditions.archive(tree, form)
  assert.ok(rendition)
  return (await rendition.open(undefined))[Symbol.asyncIterator]()
}

async function readRest(chunks: Chunks): Promise<Buffer> {
  const copies: Buffer[] = []
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
    copies.push(Buffer.from(next.value))
  return Buffer.concat(copies)
}

async function pruneAll(store: Store): Promise<void> {
  await store.executePrune(await store.planPrune({ maxBytes: 0 }))
  assert.equal((await store.stats()).storedBytes, 0)
}

for (const form of ['tar', 'tar.gz', 'tar.zst'] as const) {
  for (const who of ['this process', 'another'] as const) {
    test(`a ${form} that is being read is whole, though ${who} prunes all of it`, async (t) => {
      const { store, folder, tree } = await openWheelStore(t)
      const manifest = await store.findManifest(tree)
      assert.ok(manifest)
      const whole = await readRest(await open(store, manifest.tree, form))
      const reading = await open(store, manifest.tree, form)
      const unread = await open(store, manifest.tree, form)
      const first = Buffer.from((await reading.next()).value ?? [])
      const other = await openStore(folder)
      t.after(() => other.close())
      await pruneAll(who === 'another' ? other : store)
      assert.ok(Buffer.concat([first, await readRest(reading)]).equals(whole))
      await unread.return?.()
      if (who === 'another') return
      // Closing runs behind.
      await store.stats()
      const left = await openFilesUnder(`${folder}/blobs`)
      assert.deepEqual(left, [], 'nothing stays open')
    })
  }
}

test('a file whose wheel another process pruned is to be had without it', async () => {
  const wheel = hashBlake3(Buffer.of())
  const file = { path: 'a', size: 1000, blake3: hashBlake3(Buffer.of(1)), executable: false } as unknown as TreeFile
  const member = { ...file, isDirectory: false, method: 8, dataOffset: 0, compressedSize: 10, crc32: 0 }
  let asked = 0
  const renditions = new TreeRenditions({
    catalog: { findWheelsOfTree: () => Promise.resolve([{ blake3: wheel }]) },
    blobs: { localPath: () => Promise.resolve('wheel'), open: () => Promise.resolve(((asked += 1), undefined)) },
    mender: { ...noMender, mend: () => Promise.reject(new StoreChangedError('it was pruned')) },
    layOut: () => Promise.resolve(layOutTarGz([member as unknown as Member])),
    memoryBytes: 1000,
  } as unknown as TreeRenditionsOptions)
  assert.equal(await renditions.gzipFile(createTree([file], []).tree, file), undefined)
  assert.equal(asked, 1)
})
