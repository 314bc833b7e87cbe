import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { extractWithPython, whyNoPython, type ZipfileView } from '../../support/python-zipfile.ts'
import { Random } from '../../support/random.ts'
import { type UnpackedHere, unpackHere } from '../../support/unpack-here.ts'
import { writeZip, type ZipMember, type ZipOptions } from '../../support/zip-writer.ts'

const COUNT = 100
const seed = Number(process.env['ARBOR_TEST_SEED'] ?? 20260816)

test(
  `random archives unpack to what Python's zipfile extracts (seed ${seed})`,
  { skip: await whyNoPython() },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'arbor-random-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const random = new Random(seed)
    const archives = Array.from({ length: COUNT }, () => randomArchive(random))
    const paths = archives.map((_, index) => join(folder, `${index}.zip`))
    for (const [index, archive] of archives.entries()) await writeFile(paths[index] ?? '', archive)
    const views = await extractWithPython(paths, folder)
    assert.equal(views.length, COUNT)
    for (const [index, archive] of archives.entries()) {
      await using ours = await unpackHere(archive)
      assert.deepEqual(viewOf(ours), sorted(views[index]), `archive ${index}`)
    }
  },
)

function viewOf({ tree, files }: UnpackedHere): ZipfileView {
  const hashes = [...files].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')])
  const folders = new Set<string>()
  for (const path of [
    ...tree.files.map((file): string => file.path),
    ...tree.emptyDirectories.map((each) => `${each}/x`),
  ]) {
    const parts = path.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'))
  }
  return sorted({ files: Object.fromEntries(hashes) as Record<string, string>, directories: [...folders] })
}

function sorted(view: ZipfileView | undefined): ZipfileView {
  assert.ok(view !== undefined)
  const files = Object.entries(view.files).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { files: Object.fromEntries(files), directories: view.directories.toSorted() }
}

const NAMES = ['a', 'b', 'c.py', 'ä', '名', '\u{1F600}', 'x y', '.h', 'A'] as const

function randomArchive(random: Random): Buffer {
  const members = new Map<string, ZipMember>()
  const kinds = new Map<string, 'file' | 'directory'>()
  for (let count = random.below(30); count > 0; count -= 1) {
    const parts = Array.from({ length: 1 + random.below(4) }, () => random.pick(NAMES))
    const isDirectory = random.chance(0.15)
    const path = parts.join('/')
    const above = parts.map((_, depth) => parts.slice(0, depth).join('/')).slice(1)
    if (kinds.get(path) === 'file' || above.some((each) => kinds.get(each) === 'file')) continue
    if (!isDirectory && kinds.has(path)) continue
    for (const each of above) kinds.set(each, 'directory')
    kinds.set(path, isDirectory ? 'directory' : 'file')
    const name = isDirectory ? `${path}/` : path
    members.set(name, isDirectory ? { name } : randomFile(random, name))
  }
  const options: ZipOptions = {
    ...(random.chance(0.2) && { comment: Buffer.from('comment') }),
    ...(random.chance(0.2) && { end64: {} }),
  }
  return writeZip([...members.values()], options)
}

function randomFile(random: Random, name: string): ZipMember {
  return {
    name,
    content: randomContent(random),
    method: random.pick([0, 8, 8, 8]),
    mode: random.pick([0o100644, 0o100755, 0o644, 0]),
    zip64: random.chance(0.2),
    // Python's zipfile wants the sizes of a stored member in its local header.
    ...(random.chance(0.2) && { descriptor: { signed: random.chance(0.7), wide: random.chance(0.3) } }),
    ...(random.chance(0.1) && { central: { comment: Buffer.from('fine') } }),
  }
}

function randomContent(random: Random): Buffer {
  const length = random.pick([0, 1, random.below(100), random.below(5000), random.below(200_000), 65536])
  const content = Buffer.alloc(length)
  const spread = random.pick([1, 4, 256])
  for (let at = 0; at < length; at += 1) content[at] = random.below(spread)
  return content
}
