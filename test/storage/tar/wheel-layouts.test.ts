import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobStore } from '../../../storage/blobs/blob-store.ts'
import { hashBlake3 } from '../../../storage/digest.ts'
import { noMender } from '../../support/no-mender.ts'
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
