import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findRefusal } from '../support/unpack-here.ts'
import { contentCases } from './contents.ts'
import { envelopeCases } from './envelope.ts'
import { headerCases } from './headers.ts'
import { nameCases } from './names.ts'
import { typeCases } from './types.ts'

const cases = [...envelopeCases, ...headerCases, ...contentCases, ...nameCases, ...typeCases]

for (const { row, what, archive, verdict, path, limits = {} } of cases) {
  test(`${verdict}: ${what} (row ${row})`, async () => {
    const bytes = typeof archive === 'function' ? archive() : archive
    const refusal = await findRefusal(bytes, { limits })
    assert.equal(refusal?.reason ?? 'accepted', verdict, refusal)
    if (path !== undefined) assert.equal(refusal?.path, path)
  })
}

test('a refusal names its member in text that can be printed', async () => {
  const { writeZip } = await import('../support/zip-writer.ts')
  const refusal = await findRefusal(writeZip([{ name: '\u001b[31mred\u202e.txt' }]))
  assert.equal(refusal?.path, '\ufffd[31mred\ufffd.txt')
  assert.doesNotMatch(refusal.message, /[\p{Cc}\u202e]/u)
  for (const name of ['C:/x', 'a\\b', '../x:y']) assert.equal((await findRefusal(writeZip([{ name }])))?.path, name)
})

test('a gap that no member follows is said to precede the directory', async () => {
  const { writeZip } = await import('../support/zip-writer.ts')
  const before = Buffer.from('gap')
  const refusal = await findRefusal(writeZip([{ name: 'a', content: 'a' }], { beforeDirectory: before }))
  assert.equal(refusal?.message, '3 bytes that belong to no member precede the directory')
})
