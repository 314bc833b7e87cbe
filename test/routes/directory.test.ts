import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findDirectory } from '../../routes/directory.ts'
import type { Blake3 } from '../../storage/digest.ts'
import type { Tree } from '../../storage/model.ts'
import { parseTreePath } from '../../storage/tree-path.ts'

test('what a tree has is gathered in turns with others, also where it is all empty directories', async () => {
  const tree: Tree = {
    id: '0'.repeat(64) as Blake3,
    dirhash: '0'.repeat(64),
    files: [],
    emptyDirectories: Array.from({ length: 150_000 }, (_, n) => parseTreePath(`d${n % 10}/${n}`)),
  }
  let hadTurn = false
  setImmediate(() => (hadTurn = true))
  const directory = await findDirectory(tree, '')
  assert.ok(hadTurn)
  assert.deepEqual(
    directory?.directories.map(({ name }) => name),
    Array.from({ length: 10 }, (_, n) => `d${n}`),
  )
})
