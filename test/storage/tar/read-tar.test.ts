import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobsInTurn } from '../../../storage/blobs-in-turn.ts'
import { readTar } from '../../../storage/tar/read-tar.ts'
import { TarLayout } from '../../../storage/tar/tar-layout.ts'

test('a tar of thousands of empty files is made in turns with others, however fast it is read', async () => {
  const members = Array.from({ length: 10_000 }, (_, n) => ({
    path: `empty/\u00fc${n}`,
    size: 0,
    blake3: undefined,
    isDirectory: false,
    isExecutable: false,
  }))
  const layout = new TarLayout(members)
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  let size = 0
  for await (const chunk of readTar(layout, { first: 0, last: layout.size - 1 }, {} as BlobsInTurn))
    size += chunk.length
  clearInterval(timer)
  assert.equal(size, layout.size)
  assert.ok(turns >= 2, `${turns} turns of others`)
})
