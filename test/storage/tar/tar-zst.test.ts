import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import type { BlobsInTurn } from '../../../storage/blobs-in-turn.ts'
import type { Blake3 } from '../../../storage/digest.ts'
import type { Tree } from '../../../storage/model.ts'
import { renderTar, renderTarZst } from '../../../storage/tar/tars.ts'
import { parseTreePath } from '../../../storage/tree-path.ts'

const tree: Tree = {
  id: '0'.repeat(64) as Blake3,
  dirhash: '0'.repeat(64),
  files: [],
  emptyDirectories: [parseTreePath('empty')],
}

test('few are compressed at once: who comes later waits until others were read, were given up, or failed', async () => {
  let opened = 0
  const openBlobs = (hold: () => Promise<void>): BlobsInTurn => {
    opened += 1
    return { hold, close: () => {} } as Partial<BlobsInTurn> as BlobsInTurn
  }
  const rendition = renderTarZst(tree, () => openBlobs(() => Promise.resolve()))
  const failing = renderTarZst(tree, () => openBlobs(() => Promise.reject(new Error('gone'))))
  const running = await Promise.all(Array.from({ length: 64 }, () => rendition.open(undefined)))
  const failed = assert.rejects(failing.open(undefined), /gone/)
  const waiting = [rendition.open(undefined), rendition.open(undefined)]
  // What is not compressed waits for nobody.
  await renderTar(tree, () => openBlobs(() => Promise.resolve())).open(undefined)
  assert.equal(opened, 65)
  await running[0]?.[Symbol.asyncIterator]().return?.()
  await failed
  const first = await waiting[0]
  assert.equal(opened, 67)
  const chunks: Uint8Array[] = []
  for await (const chunk of first!) chunks.push(Uint8Array.from(chunk))
  assert.equal(zstdDecompressSync(Buffer.concat(chunks)).subarray(0, 6).toString(), 'empty/')
  await waiting[1]
  assert.equal(opened, 68)
})
