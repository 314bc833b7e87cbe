import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobStore } from '../../../storage/blobs/blob-store.ts'
import { hashBlake3 } from '../../../storage/digest.ts'
import { ArchiveRefusedError, StoreChangedError } from '../../../storage/errors.ts'
import { createTree } from '../../../storage/manifest.ts'
import { noMender } from '../../support/no-mender.ts'
import type { TreeFile } from '../../../storage/model.ts'
import { layOutTarGz } from '../../../storage/tar/tar-gz-layout.ts'
import { WheelLayouts } from '../../../storage/tar/wheel-layouts.ts'

test('a layout that is larger than its share of memory is made once, too, until all is forgotten', async () => {
  const made = layOutTarGz([])
  let count = 0
  const layouts = new WheelLayouts({
    blobs: { localPath: () => Promise.resolve('wheel') } as unknown as BlobStore,
    mender: noMender,
    layOut: () => Promise.resolve(((count += 1), made)),
    memoryBytes: 1000,
  })
  const wheel = hashBlake3(Buffer.of())
  await layouts.tarGz(wheel)
  await layouts.tarGz(wheel)
  assert.equal(count, 1)
  layouts.forget()
  await layouts.tarGz(wheel)
  assert.equal(count, 2)
})

test('who can do without a wheel that another process pruned is told that it is gone, and nobody waits for it to be healed', async () => {
  const layouts = new WheelLayouts({
    blobs: { localPath: () => Promise.resolve(undefined) } as unknown as BlobStore,
    mender: { ...noMender, mend: () => Promise.reject(new StoreChangedError('it was pruned')) },
    layOut: () => Promise.reject(new Error('There is nothing to lay out.')),
    memoryBytes: 1000,
  })
  const { tree } = createTree([], [])
  const file = { path: 'a', size: 1, blake3: hashBlake3(Buffer.of(1)), executable: false } as unknown as TreeFile
  // A rejection that nobody takes would end the process, and fails a test.
  await assert.rejects(async () => layouts.gzip(hashBlake3(Buffer.of()), tree, file), { code: 'ERR_BLOB_DAMAGED' })
})

for (const [what, error, code] of [
  ['no good archive', new ArchiveRefusedError('not-a-zip', 'there is no end record'), 'ERR_BLOB_DAMAGED'],
  ['bytes that are not to be read', Object.assign(new Error('read'), { code: 'EIO' }), 'ERR_BLOB_DAMAGED'],
  ['want of descriptors', Object.assign(new Error('open'), { code: 'EMFILE' }), 'EMFILE'],
] as const) {
  test(`a wheel counts as damaged only for what is wrong with its file: ${what}`, async () => {
    const layouts = new WheelLayouts({
      blobs: { localPath: () => Promise.resolve('wheel') } as unknown as BlobStore,
      mender: noMender,
      layOut: () => Promise.reject(error),
      memoryBytes: 1000,
    })
    await assert.rejects(layouts.tarGz(hashBlake3(Buffer.of())), { code })
  })
}
