import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPageContent, parsePageContent } from '../../../storage/catalog/page-content.ts'
import type { ProjectPage } from '../../../storage/model.ts'
import { parseFilename, parseProjectName } from '../../../storage/names.ts'

function pageOf(count: number): ProjectPage {
  return {
    project: parseProjectName('demo'),
    versions: ['1.0'],
    projectStatus: { status: 'active', reason: 'line\nbreak, "files":[]}' },
    extra: { namespaces: [{ files: [] }] },
    files: Array.from({ length: count }, (_, number) => ({
      filename: parseFilename(`demo-1.0.${number}.tar.gz`),
      url: `https://files.example/demo-1.0.${number}.tar.gz`,
      hashes: {},
      extra: { _note: '\n]},[\u2028' },
    })),
  }
}

for (const count of [0, 1, 249, 250, 251, 500, 1234]) {
  test(`a page of ${count} files, there and back, and as any reader of JSON has it`, async () => {
    const page = pageOf(count)
    const content = formatPageContent(page)
    assert.deepEqual(await parsePageContent(content), page)
    assert.deepEqual(JSON.parse(content), page)
  })
}

test('JSON in one line, as older versions stored it', async () => {
  assert.deepEqual(await parsePageContent(JSON.stringify(pageOf(300))), pageOf(300))
})

test('others have their turn while a large page is read', async () => {
  const content = formatPageContent(pageOf(5000))
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await parsePageContent(content)
  isOver = true
  assert.ok(turns >= 2, `${turns} turns`)
})
