import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MAX_WHOLE_BYTES } from '../../storage/archive/contents.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { ArchiveRefusedError, StoreClosedError } from '../../storage/errors.ts'
import { createLayout } from '../../storage/layout.ts'
import { createUnpacker, type Unpacker, type UnpackerOptions } from '../../storage/unpacker.ts'
import { makeWheel, writeZip } from '../support/zip-writer.ts'

const MIB = 1024 * 1024

interface Bench {
  readonly unpacker: Unpacker
  /** Writes a wheel to be unpacked; returns its path. */
  readonly add: (bytes: Buffer) => Promise<string>
  /** Names of staged files. */
  readonly left: () => Promise<string[]>
}

async function setUp(t: TestContext, options: Partial<UnpackerOptions> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-unpacker-'))
  let count = 0
  const stage = (): string => join(folder, `staged-${(count += 1)}`)
  const unpacker = createUnpacker({ stage, findStored: async () => new Set(), threads: 1, ...options })
  t.after(async () => {
    await unpacker.close()
    await rm(folder, { recursive: true })
  })
  return {
    unpacker,
    async add(bytes) {
      const path = join(folder, `wheel-${(count += 1)}`)
      await writeFile(path, bytes)
      return path
    },
    left: async () => (await readdir(folder)).filter((name) => name.startsWith('staged-')),
  }
}

const small = makeWheel({ name: 'small', version: '1', files: { 'a.py': 'a', 'copy.py': 'a' }, executable: ['a.py'] })

test('a wheel is unpacked in a thread, into one pack with its manifest', async (t) => {
  const { unpacker, add } = await setUp(t)
  const { unpacked, staged, manifest } = await unpacker.unpack(await add(small))
  assert.equal(unpacked.record, 'ok')
  assert.equal(unpacked.tree.fileCount, 5)
  assert.equal(unpacked.tree.id, hashBlake3(manifest))
  assert.equal(unpacked.blobs.length, 5, 'four different files and the manifest')
  assert.deepEqual(
    staged.map(({ blake3 }) => blake3),
    unpacked.placed.filter(([, place]) => place.kind === 'file').map(([blake3]) => blake3),
  )
  const pack = await readFile(staged[0]?.path ?? '')
  for (const [blake3, place] of unpacked.placed) {
    const bytes = place.kind === 'file' ? pack : pack.subarray(place.offset, place.offset + place.size)
    assert.equal(hashBlake3(bytes), blake3)
  }
})

test('the same wheel gives the same pack', async (t) => {
  const { unpacker, add } = await setUp(t)
  const path = await add(small)
  const [one, other] = [await unpacker.unpack(path), await unpacker.unpack(path)]
  assert.deepEqual(one.unpacked, other.unpacked)
  assert.notEqual(one.staged[0]?.path, other.staged[0]?.path)
})

test('blobs of 64 KiB and more have files of their own, and none is written twice', async (t) => {
  const { unpacker, add } = await setUp(t)
  const large = Buffer.alloc(65536, 'x')
  const files = { large, 'large-again': large, small: large.subarray(1) }
  const { unpacked, staged } = await unpacker.unpack(await add(makeWheel({ name: 'a', version: '1', files })))
  assert.equal(staged.length, 2)
  const places = new Map(unpacked.placed)
  assert.deepEqual(places.get(hashBlake3(large)), { kind: 'file', size: 65536 })
  assert.equal(places.get(hashBlake3(files.small))?.kind, 'packed')
})

test('what the store has is not written again', async (t) => {
  const asked = new Set<Blake3>()
  const findStored = async (blake3s: readonly Blake3[]): Promise<Set<Blake3>> => {
    for (const blake3 of blake3s) asked.add(blake3)
    return new Set(blake3s)
  }
  const { unpacker, add, left } = await setUp(t, { findStored })
  const files = { small: 's', large: Buffer.alloc(100_000), huge: Buffer.alloc(MAX_WHOLE_BYTES + MIB, 'huge') }
  const { unpacked, staged } = await unpacker.unpack(
    await add(makeWheel({ name: 'a', version: '1', files, method: 0 })),
  )
  assert.deepEqual(staged, [])
  assert.deepEqual(unpacked.placed, [])
  assert.deepEqual(new Set(unpacked.blobs), asked)
  assert.deepEqual(await left(), [])
})

test('a member of many megabytes flows through, stored and deflated', async (t) => {
  const { unpacker, add } = await setUp(t, { limits: { maxRatio: Infinity } })
  const content = Buffer.alloc(40 * MIB, 'flows')
  for (const method of [0, 8]) {
    const { unpacked } = await unpacker.unpack(await add(writeZip([{ name: 'a', content, method }])))
    assert.deepEqual(new Map(unpacked.placed).get(hashBlake3(content)), { kind: 'file', size: content.length })
  }
})

test('a refusal keeps its reason and its path on the way from the thread, and leaves nothing', async (t) => {
  const { unpacker, add, left } = await setUp(t)
  const wheel = writeZip([
    { name: 'a', content: Buffer.alloc(100_000) },
    { name: 'b', content: 'b', local: { crc32: 1 }, central: { crc32: 1 } },
  ])
  await assert.rejects(unpacker.unpack(await add(wheel)), (error) => {
    assert.ok(error instanceof ArchiveRefusedError)
    assert.deepEqual([error.reason, error.path, error.message], ['checksum', 'b', '"b": its CRC-32 is wrong'])
    return true
  })
  assert.deepEqual(await left(), [])
})

test('limits are settings', async (t) => {
  const { unpacker, add } = await setUp(t, { limits: { maxEntries: 4 } })
  await assert.rejects(unpacker.unpack(await add(small)), { code: 'ERR_ARCHIVE_REFUSED', reason: 'limit' })
})

test('but a wheel that has a tree is laid out, by whatever limits that was made', async (t) => {
  const { unpacker, add } = await setUp(t, { limits: { maxEntries: 4, maxBytes: 1 } })
  assert.ok((await unpacker.layOutTarGz(await add(small))).size > 0)
})

test('the error of the disk keeps its code', async (t) => {
  const { unpacker } = await setUp(t)
  await assert.rejects(unpacker.unpack('/nowhere/at/all'), { code: 'ENOENT' })
})

test('what keeps a tree from being laid out keeps its reason and its code, too', async (t) => {
  const { unpacker, add } = await setUp(t)
  const wheel = await add(Buffer.from('no zip'))
  await assert.rejects(unpacker.layOutTarGz(wheel), { code: 'ERR_ARCHIVE_REFUSED', reason: 'not-a-zip' })
  await assert.rejects(unpacker.layOutTarGz(`${wheel}-gone`), { code: 'ENOENT' })
})

test('the error of the catalog is the one that is thrown, and nothing is left', async (t) => {
  const failure = new Error('the catalog is broken')
  const { unpacker, add, left } = await setUp(t, { findStored: () => Promise.reject(failure) })
  await assert.rejects(unpacker.unpack(await add(small)), failure)
  assert.deepEqual(await left(), [])
})

test('an abort stops it, and nothing is left', async (t) => {
  const aborting = new AbortController()
  const never = new Promise<Set<Blake3>>(() => {})
  const reason = new Error('never mind')
  const findStored = (): Promise<Set<Blake3>> => {
    aborting.abort(reason)
    return never
  }
  const { unpacker, add, left } = await setUp(t, { findStored })
  await assert.rejects(unpacker.unpack(await add(small), { signal: aborting.signal }), reason)
  assert.deepEqual(await left(), [])
})

test('closing stops what runs, and takes nothing more', async (t) => {
  const asked = Promise.withResolvers<undefined>()
  const findStored = (): Promise<Set<Blake3>> => {
    asked.resolve(undefined)
    return new Promise(() => {})
  }
  const { unpacker, add, left } = await setUp(t, { findStored })
  const path = await add(small)
  const running = assert.rejects(unpacker.unpack(path), StoreClosedError)
  const waiting = assert.rejects(unpacker.unpack(path), StoreClosedError)
  await asked.promise
  await unpacker.close()
  await Promise.all([running, waiting])
  await assert.rejects(unpacker.unpack(path), StoreClosedError)
  assert.deepEqual(await left(), [])
})

test('several wheels at once do not meet', async (t) => {
  const { unpacker, add } = await setUp(t, { threads: 2 })
  const wheels = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      add(makeWheel({ name: `w${index}`, version: '1', files: { 'x.py': `${index}` } })),
    ),
  )
  const results = await Promise.all(wheels.map((wheel) => unpacker.unpack(wheel)))
  assert.equal(new Set(results.map(({ unpacked }) => unpacked.tree.id)).size, 8)
  assert.equal(new Set(results.flatMap(({ staged }) => staged.map(({ path }) => path))).size, 8)
})

test('many files are given their names in a thread; few are not, nor any where no thread is free', async (t) => {
  const { unpacker, add } = await setUp(t)
  const path = await add(small)
  const folder = join(path, '..', 'data')
  const files = Array.from({ length: 20 }, (_, index) => {
    const bytes = Buffer.from(`${index}`)
    return { path: join(path, '..', `staged-${index}`), blake3: hashBlake3(bytes), bytes }
  })
  await mkdir(join(folder, 'blobs'), { recursive: true })
  for (const file of files) await writeFile(file.path, file.bytes)
  assert.equal(unpacker.nameBlobs({ folder, files: files.slice(0, 2) }), undefined)
  const unpacking = unpacker.unpack(path)
  assert.equal(unpacker.nameBlobs({ folder, files }), undefined)
  await unpacking
  await unpacker.nameBlobs({ folder, files })
  for (const { blake3, bytes } of files) {
    assert.deepEqual(await readFile(createLayout(folder).blob(blake3)), bytes)
  }
  const naming = unpacker.nameBlobs({ folder: join(folder, 'none'), files })
  await assert.rejects(async () => naming, { code: 'ENOENT' })
})
