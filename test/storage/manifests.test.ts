import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore, openWheelStore } from '../support/wheel-store.ts'

test('who asks for a manifest while it is read gets the same', async (t) => {
  const opened = await openWheelStore(t)
  const { store, tree } = await opened.reopen()
  const [first, second] = await Promise.all([store.findManifest(tree), store.findManifest(tree)])
  assert.ok(first !== undefined)
  assert.equal(first, second)
})

test('a manifest that is larger than its share of memory is parsed once, too', async (t) => {
  const { store, tree, folder } = await openWheelStore(t)
  await store.close()
  const small = await openStore(folder, { memoryBytes: 10_000 })
  try {
    const manifest = await small.findManifest(tree)
    assert.ok(manifest !== undefined && 4 * manifest.bytes.length > 2000)
    assert.equal(small.findManifest(tree), manifest)
  } finally {
    await small.close()
  }
})
