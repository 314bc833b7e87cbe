import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weigh } from '../../server/kept-page.ts'
import type { ProjectPage } from '../../storage/model.ts'
import { parseFilename, parseProjectName } from '../../storage/names.ts'

const file = { filename: parseFilename('demo-1.0.tar.gz'), url: 'https://index.example/demo-1.0.tar.gz', hashes: {} }
const page: ProjectPage = { project: parseProjectName('demo'), files: [file] }
const long = 'x'.repeat(1_000_000)

test('a page weighs by its files, and by whatever text of any length an index writes, so that memory stays bounded', () => {
  assert.ok(weigh(page) < 2000)
  for (const heavy of [
    { ...page, files: [{ ...file, yanked: long }] },
    { ...page, files: [{ ...file, requiresPython: long }] },
    { ...page, files: [{ ...file, url: file.url + long }] },
    { ...page, files: [{ ...file, extra: { _note: [long] } }] },
    { ...page, files: [{ ...file, provenance: long }] },
    { ...page, extra: { _note: long } },
    { ...page, extraMeta: { _note: long } },
    { ...page, versions: [long] },
  ]) {
    assert.ok(weigh(heavy) >= 1_000_000)
  }
})
