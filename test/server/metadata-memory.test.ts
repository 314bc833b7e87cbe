import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { FileReference, PageSnapshot } from '../../routes/repository.ts'
import { memoryContent } from '../../server/contents.ts'
import { MetadataMemory } from '../../server/metadata-memory.ts'
import { hashBlake3, hashSha256, type Sha256 } from '../../storage/digest.ts'
import { parseFilename, parseIndexName } from '../../storage/names.ts'

const reference: FileReference & { readonly sha256: Sha256 } = {
  index: parseIndexName('main'),
  sha256: hashSha256(Buffer.from('a wheel')),
  filename: parseFilename('demo-1.0-py3-none-any.whl'),
}
const page = {} as PageSnapshot
const content = contentOf('Name: demo\n')

test('metadata is found beside the page with which it was kept, and beside no other', () => {
  const memory = new MetadataMemory(1 << 20)
  memory.keep(reference, { page, content }, memory.generation)
  assert.equal(memory.find(reference, page), content)
  assert.equal(memory.find(reference, {} as PageSnapshot), undefined)
  assert.equal(memory.find({ ...reference, index: parseIndexName('other') }, page), undefined)
  assert.equal(memory.find({ ...reference, sha256: undefined }, page), undefined)
})

test('what is learned of a wheel takes its metadata out of memory, and keeps out what was looked for before', () => {
  const memory = new MetadataMemory(1 << 20)
  const { generation } = memory
  memory.keep(reference, { page, content }, generation)
  memory.forget(reference.sha256)
  assert.equal(memory.find(reference, page), undefined)
  memory.keep(reference, { page, content }, generation)
  assert.equal(memory.find(reference, page), undefined)
  memory.keep(reference, { page, content }, memory.generation)
  assert.equal(memory.find(reference, page), content)
})

test('metadata keeps no page in memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const memory = new MetadataMemory(1 << 20)
  const gone = keepBesideNewPage(memory)
  // An object that was looked at lives until the end of its turn.
  await setImmediate()
  collect()
  assert.equal(gone.deref(), undefined)
})

function keepBesideNewPage(memory: MetadataMemory): WeakRef<PageSnapshot> {
  const newPage = {} as PageSnapshot
  memory.keep(reference, { page: newPage, content }, memory.generation)
  return new WeakRef(newPage)
}

test('what is too large for the memory is not kept', () => {
  const memory = new MetadataMemory(4096)
  memory.keep(reference, { page, content: contentOf('x'.repeat(4096)) }, memory.generation)
  assert.equal(memory.find(reference, page), undefined)
})

function contentOf(text: string) {
  const bytes = Buffer.from(text)
  return memoryContent(bytes, { sha256: hashSha256(bytes), blake3: hashBlake3(bytes) })
}
