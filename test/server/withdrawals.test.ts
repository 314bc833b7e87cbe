import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IndexSource } from '../../server/index-source.ts'
import type { PageSource } from '../../server/page-source.ts'
import { isWithdrawn } from '../../server/withdrawals.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { type Filename, type IndexName, parseFilename, projectsOf } from '../../storage/names.ts'

test('a page that the catalog cannot read fails who asks, and nothing else', async () => {
  const unreadable = new Error('the disk fails')
  const pages = {
    findKnown: () => Promise.reject(unreadable),
    async *findProjectsOf({ filename }: { filename: Filename }) {
      yield* projectsOf(filename)
    },
  } as unknown as PageSource
  const index = { name: 'main' as IndexName } as IndexSource
  const reference = {
    index: index.name,
    sha256: hashSha256(Buffer.of()),
    filename: parseFilename('demo-1.0-py3-none-any.whl'),
  }
  await assert.rejects(async () => isWithdrawn(pages, index, reference), unreadable)
  // What nobody handles is told by now, and would fail this test.
  await new Promise(setImmediate)
})
