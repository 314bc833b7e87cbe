import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openArchive } from '../../storage/archive/archive.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { ArchiveRefusedError } from '../../storage/errors.ts'
import { diskSyncIo } from '../../storage/io.ts'
import { type Plan, planShares } from '../../storage/unpack/plan.ts'
import { createUnpacker, type Unpacker, type UnpackerOptions, type UnpackResult } from '../../storage/unpacker.ts'
import { makeWheel, writeZip } from '../support/zip-writer.ts'

const MIB = 1024 * 1024

/** Files of 300 KB and of 300 bytes, worth two threads, the first and the last of them the same; and one that flows through. */
function manyFiles(): Record<string, Buffer> {
  const files: Record<string, Buffer> = {
    first: Buffer.alloc(200_000, 'twin'),
    'first-small': Buffer.alloc(300, 'twin'),
  }
  for (let index = 0; index < 60; index += 1) {
    files[`medium/${index}`] = randomBytes(300_000)
    files[`small/${index}`] = randomBytes(300)
  }
  files['large'] = Buffer.alloc(12 * MIB, 'flows through')
  files['last'] = Buffer.alloc(200_000, 'twin')
  files['last-small'] = Buffer.alloc(300, 'twin')
  return files
}

interface Bench {
  readonly path: string
  readonly one: Unpacker
  readonly two: Unpacker
  /** Names of staged files. */
  readonly left: () => Promise<string[]>
}

async function setUp(t: TestContext, wheel: Buffer, options: Partial<UnpackerOptions> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-shared-'))
  let count = 0
  const stage = (): string => join(folder, `staged-${(count += 1)}`)
  const settings = { stage, findStored: async () => new Set<Blake3>(), limits: { maxRatio: Infinity }, ...options }
  const one = createUnpacker({ ...settings, threads: 1 })
  const two = createUnpacker({ ...settings, threads: 2 })
  t.after(async () => {
    await one.close()
    await two.close()
    await rm(folder, { recursive: true })
  })
  const path = join(folder, 'wheel')
  await writeFile(path, wheel)
  return { path, one, two, left: async () => (await readdir(folder)).filter((name) => name.startsWith('staged-')) }
}

function planOf(path: string): Plan {
  const archive = openArchive(diskSyncIo, path)
  archive.close()
  return planShares(archive.members)
}

test('a wheel that is worth two threads becomes the same with one: the same tree, packs and verdict', async (t) => {
  const { path, one, two, left } = await setUp(t, makeWheel({ name: 'shared', version: '1', files: manyFiles() }))
  const plan = planOf(path)
  assert.ok(plan.isShared && plan.large.length > 60 && plan.second.length > 10)
  const [alone, helped] = [await one.unpack(path), await two.unpack(path)]
  assert.deepEqual(helped.unpacked.tree, alone.unpacked.tree)
  assert.deepEqual(new Map(helped.unpacked.placed), new Map(alone.unpacked.placed))
  assert.equal(helped.unpacked.record, alone.unpacked.record)
  assert.equal(helped.unpacked.record, 'ok')
  const digests = new Set(helped.staged.map(({ blake3 }) => blake3))
  assert.deepEqual(new Set(alone.staged.map(({ blake3 }) => blake3)), digests)
  assert.equal(digests.size, helped.staged.length, 'no file is written twice')
  assert.equal(helped.staged.length, 60 + 2 + 2, 'the large ones, and two packs')
  assert.equal((await left()).length, alone.staged.length + helped.staged.length)
})

test('files of the same contents are one blob, though first and last in a wheel of two shares', async (t) => {
  const files = manyFiles()
  const { path, two } = await setUp(t, makeWheel({ name: 'twins', version: '1', files }))
  const { unpacked } = await two.unpack(path)
  for (const name of ['first', 'first-small']) {
    const blake3 = hashBlake3(files[name] ?? Buffer.alloc(0))
    assert.equal(unpacked.placed.filter(([digest]) => digest === blake3).length, 1, name)
  }
})

test('RECORD is judged over both shares, and of large files it is said which are not compared yet', async (t) => {
  const files: Record<string, Buffer> = { huge: Buffer.alloc(40 * MIB, 'hashed later'), 'z.py': Buffer.from('z') }
  const wheel = makeWheel({ name: 'record', version: '1', files })
  const { path, two } = await setUp(t, wheel)
  const right = await two.unpack(path)
  assert.equal(right.unpacked.record, 'ok')
  const isRight = async ({ staged, unchecked }: UnpackResult): Promise<boolean[]> => {
    const paths = new Map(staged.map((file) => [file.blake3, file.path]))
    return Promise.all(unchecked.map((blob) => two.hasHash(paths.get(blob.blake3) ?? '', blob)))
  }
  assert.deepEqual(await isRight(right), [true])
  const record = `huge,sha256=${'A'.repeat(43)},${40 * MIB}\n`
  files['record-1.dist-info/RECORD'] = Buffer.from(record)
  await writeFile(path, makeWheel({ name: 'record', version: '1', files }))
  assert.deepEqual(await isRight(await two.unpack(path)), [false])
})

test('of several bad members the same one is reported, however many threads there were', async (t) => {
  const members = Object.entries(manyFiles()).map(([name, content], index) => {
    const isBad = ['medium/9', 'medium/10', 'medium/11', 'medium/50', 'small/0', 'small/55'].includes(name)
    const bent = isBad ? { crc32: index } : {}
    return { name, content, local: bent, central: bent }
  })
  const { path, one, two, left } = await setUp(t, writeZip(members))
  for (const unpacker of [one, two, two, two, two]) {
    await assert.rejects(unpacker.unpack(path), (error) => {
      assert.ok(error instanceof ArchiveRefusedError)
      assert.deepEqual([error.reason, error.path], ['checksum', 'medium/9'])
      return true
    })
    assert.deepEqual(await left(), [])
  }
})

test('two threads stop when the wheel is not wanted any more, and leave nothing', async (t) => {
  const aborting = new AbortController()
  const reason = new Error('never mind')
  let questions = 0
  const findStored = (): Promise<Set<Blake3>> => {
    questions += 1
    if (questions === 3) aborting.abort(reason)
    return questions < 3 ? Promise.resolve(new Set()) : new Promise(() => {})
  }
  const wheel = makeWheel({ name: 'shared', version: '1', files: manyFiles() })
  const { path, two, left } = await setUp(t, wheel, { findStored })
  await assert.rejects(two.unpack(path, { signal: aborting.signal }), reason)
  assert.deepEqual(await left(), [])
})

test('the error of the catalog stops both threads, is the one that is thrown, and nothing is left', async (t) => {
  const failure = new Error('the catalog is broken')
  let questions = 0
  const findStored = async (): Promise<Set<Blake3>> => {
    if ((questions += 1) > 4) throw failure
    return new Set()
  }
  const wheel = makeWheel({ name: 'shared', version: '1', files: manyFiles() })
  const { path, two, left } = await setUp(t, wheel, { findStored })
  await assert.rejects(two.unpack(path), failure)
  assert.deepEqual(await left(), [])
})

test('large wheels, more than there are threads, do not wait for each other', async (t) => {
  const { path, two } = await setUp(t, makeWheel({ name: 'shared', version: '1', files: manyFiles() }))
  const results = await Promise.all(Array.from({ length: 5 }, () => two.unpack(path)))
  assert.equal(new Set(results.map(({ unpacked }) => unpacked.tree.id)).size, 1)
})
