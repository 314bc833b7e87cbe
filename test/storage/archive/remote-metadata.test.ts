import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { readRemoteMetadata } from '../../../storage/archive/remote-metadata.ts'
import { ArchiveRefusedError } from '../../../storage/errors.ts'
import { parseFilename } from '../../../storage/names.ts'
import { endOfArchive } from '../../support/zip-end.ts'
import { unicodePathExtra } from '../../support/zip-extra.ts'
import { makeWheel, wheelFilename, wheelMetadata, writeZip, type ZipMember } from '../../support/zip-writer.ts'

const demo = { name: 'demo', version: '1.0' }
const filename = parseFilename(wheelFilename(demo))

async function read(bytes: Buffer): Promise<{ text: string | undefined; ranges: [number, number][] }> {
  const ranges: [number, number][] = []
  const content = await readRemoteMetadata(filename, bytes.length, async ({ first, last }) => {
    assert.ok(first >= 0 && last < bytes.length && first <= last)
    ranges.push([first, last])
    return bytes.subarray(first, last + 1)
  })
  return { text: content && Buffer.from(content).toString(), ranges }
}

test('a small wheel takes one read, and so does a large one whose metadata is at its end', async () => {
  for (const size of [10, 2_000_000]) {
    const recipe = { ...demo, files: { 'demo/data.bin': randomBytes(size) } }
    const { text, ranges } = await read(makeWheel(recipe))
    assert.equal(text, wheelMetadata(recipe))
    assert.equal(ranges.length, 1)
  }
})

test('a directory, and metadata, that lie further ahead take one more read each', async () => {
  const files = Array.from({ length: 3000 }, (_, count) => [`demo/a_rather_long_name_${count}.py`, ''] as const)
  const recipe = {
    ...demo,
    files: Object.fromEntries([
      ['demo-1.0.dist-info/METADATA', wheelMetadata(demo)],
      ['demo/data.bin', randomBytes(300_000)],
      ...files,
    ]),
  }
  const bytes = makeWheel(recipe)
  const { text, ranges } = await read(bytes)
  assert.equal(text, wheelMetadata(demo))
  assert.ok(ranges.length === 3, String(ranges.length))
  assert.ok(ranges.reduce((sum, [first, last]) => sum + last - first, 0) < 600_000)
})

test('a directory that does not fit into the first read comes with the metadata before it, and no byte comes twice', async () => {
  const files = Array.from({ length: 1500 }, (_, count) => [`demo/a_rather_long_name_${count}.py`, ''] as const)
  const recipe = { ...demo, files: { 'demo/data.bin': randomBytes(1_000_000), ...Object.fromEntries(files) } }
  const bytes = makeWheel(recipe)
  const { text, ranges } = await read(bytes)
  assert.equal(text, wheelMetadata(recipe))
  const [[tailStart] = [], [first, last] = [], ...others] = ranges
  assert.deepEqual({ last, others }, { last: tailStart! - 1, others: [] })
  assert.ok(bytes.length - first! < 400_000, String(bytes.length - first!))
})

test('no more is read at once for a directory that is said to be long', async () => {
  const bytes = Buffer.alloc(30_000_000)
  const end = endOfArchive(1, 14_000_000, bytes.length - 14_000_022, {})
  end.copy(bytes, bytes.length - end.length)
  const lengths: number[] = []
  const reading = readRemoteMetadata(filename, bytes.length, async ({ first, last }) => {
    lengths.push(last + 1 - first)
    return bytes.subarray(first, last + 1)
  })
  await assert.rejects(reading, ArchiveRefusedError)
  assert.deepEqual([lengths.length, lengths[1]], [2, 16 << 20])
})

test('a read that cannot be had is no metadata', async () => {
  assert.equal(await readRemoteMetadata(filename, 1000, async () => undefined), undefined)
})

for (const [what, files] of [
  ['no .dist-info folder', { 'demo/__init__.py': '' }],
  ['two of them', { 'demo-1.0.dist-info/METADATA': 'x', 'demo-2.0.dist-info/METADATA': 'y' }],
  ['one of another project', { 'other-1.0.dist-info/METADATA': 'x' }],
  ['one without METADATA', { 'demo-1.0.dist-info/WHEEL': 'x' }],
] as const) {
  test(`F5: ${what} is refused`, async () => {
    const bytes = writeZip(Object.entries(files).map(([name, content]) => ({ name, content: Buffer.from(content) })))
    await assert.rejects(read(bytes), ArchiveRefusedError)
  })
}

for (const [what, ahead] of [
  ['', ''],
  [', also in a wheel that is read as installers do', 'ahead'],
] as const) {
  test(`wrong bytes are refused, wherever they are${what}`, async () => {
    const bytes = Buffer.concat([Buffer.from(ahead), makeWheel(demo)])
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at)
      const { text } = await read(damaged).catch((error: unknown) => {
        assert.ok(error instanceof ArchiveRefusedError, String(error))
        return { text: wheelMetadata(demo) }
      })
      assert.equal(text, wheelMetadata(demo))
    }
  })
}

for (const [what, bend] of [
  ['bytes before it', (bytes: Buffer) => Buffer.concat([Buffer.alloc(100, '#!'), bytes])],
  ['a comment', (bytes: Buffer) => commented(bytes, 'by hand')],
] as const) {
  test(`B8: a wheel of which no tree is made for ${what} has its metadata all the same`, async () => {
    for (const size of [10, 300_000]) {
      const recipe = { ...demo, files: { 'demo/data.bin': randomBytes(size) } }
      const { text, ranges } = await read(bend(makeWheel(recipe)))
      assert.equal(text, wheelMetadata(recipe))
      assert.equal(ranges.length, 1)
    }
  })
}

test('B8: likewise for a member that stands there twice, or whose name is refused, unless it is METADATA', async () => {
  for (const name of ['demo/twice.py', '../demo.py']) {
    const twice = { name, content: 'x = 1\n' }
    const { text } = await read(makeWheel({ ...demo, extraMembers: [twice, twice] }))
    assert.equal(text, wheelMetadata(demo))
  }
  const other = { name: 'demo-1.0.dist-info/METADATA', content: 'Name: other\n' }
  await assert.rejects(read(makeWheel({ ...demo, extraMembers: [other] })), ArchiveRefusedError)
})

const METADATA = 'demo-1.0.dist-info/METADATA'
const otherEnd = endOfArchive(0, 0, 0, { end64: {} }).subarray(0, -22)

for (const [what, odd] of [
  ['is METADATA up to a NUL', { name: `${METADATA}\0`, content: 'Name: other\n' }],
  ['is METADATA by its Unicode path', { name: 'x', central: { extra: unicodePathExtra(METADATA, 'x') } }],
  ['hides a ZIP64 end record in its comment', { name: '../x', central: { comment: otherEnd } }],
] satisfies [string, ZipMember][]) {
  test(`B8: what some read as another METADATA leaves none: a member that ${what}`, async () => {
    const metadata = { name: METADATA, content: wheelMetadata(demo) }
    await assert.rejects(read(writeZip([metadata, odd])), ArchiveRefusedError)
  })
}

function commented(bytes: Buffer, comment: string): Buffer {
  const copy = Buffer.concat([bytes, Buffer.from(comment)])
  copy.writeUInt16LE(comment.length, bytes.length - 2)
  return copy
}
