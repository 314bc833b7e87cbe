import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredBlob } from '../../storage/stored-blobs.ts'
import { openStore, openWheelStore, readBlob } from '../support/wheel-store.ts'

test('nobody holds bytes that memory gave up, nor any that it has no room for', async (t) => {
  const { store: ample, tree, folder } = await openWheelStore(t)
  const files = (await ample.findManifest(tree))?.files
  await ample.close()
  const store = await openStore(folder, { memoryBytes: 60_000 })
  const find = async (path: string): Promise<StoredBlob> => {
    const file = files?.get(path)
    const blob = file && (await store.findBlob(file.blake3))
    assert.ok(blob)
    return blob
  }
  try {
    const first = await find('spam/m11.py')
    const whole = await readBlob(first)
    assert.deepEqual([first.bytes?.length, await find('spam/m11.py')], [20_901, first])
    const second = await find('spam/m10.py')
    assert.deepEqual([first.bytes, second.bytes?.length], [undefined, 19_001])
    assert.equal((await find('spam/large.so')).bytes, undefined)
    await store.executePrune(await store.planPrune({}))
    assert.equal(second.bytes, undefined)
    assert.ok((await readBlob(first)).equals(whole))
  } finally {
    await store.close()
  }
})
