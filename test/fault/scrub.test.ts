import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkFile } from '../../storage/blobs/check-file.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { diskIo, type Io } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Store } from '../../storage/store.ts'
import { openFilesUnder } from '../contract/blob-store.ts'
import { findFaults, findStaged } from '../support/sound-store.ts'
import { listQuarantine, readBlob, tamper, type Tampering } from '../support/wheel-store.ts'
import { makeWheel } from '../support/zip-writer.ts'
import { type Errno, type Fault, FaultyIo, walkFaults } from './faulty-io.ts'
import { makeTemplate, openStore, put, type Run } from './store-fixture.ts'

/** `ARBOR_LONG=1`: all kinds of damage and of faults, once and for good. */
const isLong = process.env['ARBOR_LONG'] === '1'
const ERRNOS: readonly Errno[] = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS', ...(isLong ? (['EDQUOT'] as const) : [])]
const LASTING: readonly Errno[] = isLong ? ERRNOS : ['EROFS']
const FULL: ReadonlySet<Errno> = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])
const FAST = { bytesPerSecond: undefined, signal: new AbortController().signal }

const FILES = { 'a.py': Buffer.from('a = 1'), 'b.py': randomBytes(3000), 'alone.so': randomBytes(70_000) }
const wheel = makeWheel({ name: 'faulty', version: '1', files: FILES })

interface Damaged {
  readonly template: string
  readonly tree: Blake3
  readonly file: Blake3
}

/** The scrub of a store in which one file is damaged, with a disk that fails as told; then what it left is put right by a disk that works. */
async function run(fault: Fault, { template, tree, file }: Damaged): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-fault-'))
  const io = new FaultyIo(diskIo)
  try {
    await cp(template, folder, { recursive: true })
    const refetch = async (): Promise<boolean> => (await put(store, wheel)).size > 0
    const store = await openStore(folder, io, { refetch })
    io.arm(fault)
    const error: unknown = await store.scrub(FAST).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const { steps, hits, immunities } = io
    io.arm()
    assertClear(error, fault, hits)
    const quarantined = (await listQuarantine(folder)).map((name) => name.slice(-64))
    assert.ok(isBlind(fault) || quarantined.every((blake3) => blake3 === file), 'nothing good was put aside')
    // Whatever the scrub came to, what is asked for is right, and made right by that.
    await assertRight(store, tree)
    assert.equal((await store.scrub(FAST)).notHealed, 0)
    await assertRight(store, tree)
    await store.executePrune(await store.planPrune({}))
    await store.close()
    assert.deepEqual(await findFaults(folder, { isSwept: true }), [])
    assert.deepEqual(await findStaged(folder), [], 'debris')
    assert.equal(io.openFiles, 0)
    assert.deepEqual(await openFilesUnder(folder), [], 'descriptors')
    return { steps, hits, immunities }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** On a disk that can read nothing any more no file can be told from a damaged one. */
function isBlind({ errno, isLasting }: Fault): boolean {
  return errno === 'EIO' && isLasting === true
}

function assertClear(error: unknown, { errno }: Fault, hits: number): void {
  if (error === undefined) return
  assert.ok(hits > 0, 'it fails only if the disk did')
  assert.ok(error instanceof Error && 'code' in error)
  assert.equal(error.code, FULL.has(errno) ? 'ERR_STORE_FULL' : errno)
}

async function assertRight(store: Store, tree: Blake3): Promise<void> {
  const stored = await store.findDistribution(hashBlake3(wheel))
  if (stored !== undefined) assert.ok((await readBlob(stored)).equals(wheel))
  await store.unpack(hashBlake3(wheel))
  const manifest = await store.findManifest(tree)
  assert.equal(manifest && hashBlake3(manifest.bytes), tree)
  for (const [path, content] of Object.entries(FILES)) {
    const blob = await store.findBlob(hashBlake3(content))
    assert.ok(blob && (await readBlob(blob)).equals(content), path)
  }
}

/** Each step fails in turn, in each way; the digest is of bytes in the file that is damaged. */
async function walk(blake3: Blake3, how: Tampering): Promise<void> {
  let tree: Blake3 | undefined
  let file = blake3
  await using template = await makeTemplate(async (store) => {
    const outcome = await store.unpack((await put(store, wheel)).blake3)
    if (outcome.kind === 'unpacked') tree = outcome.tree
    const place = await store.catalog.findPlace(blake3)
    if (place?.kind === 'packed') file = place.pack
  })
  assert.ok(tree)
  await tamper(createLayout(template.folder).blob(file), how)
  const damaged = { template: template.folder, tree, file }
  const { steps: most, immunities } = await run({ step: Infinity, errno: 'EIO' }, damaged)
  assert.ok(most > 20, `${most} steps`)
  const runNamed = (fault: Fault): Promise<Run> =>
    run(fault, damaged).catch((cause: unknown) => {
      const since = fault.isLasting === true ? ' and from then on' : ''
      throw new Error(`${fault.errno} at step ${fault.step}${since}: ${String(cause)}`, { cause })
    })
  await walkFaults(ERRNOS, runNamed, { lasting: LASTING, ...(!isLong && { immunities }) })
}

test('a changed pack is replaced or left to the next scrub, whatever step fails', () =>
  walk(hashBlake3(FILES['b.py']), 'flip'))

test('a wheel that is gone likewise', () => walk(hashBlake3(wheel), 'delete'))

const skip = isLong ? false : 'ARBOR_LONG is not set'

test('a short file that stands alone likewise', { skip }, () => walk(hashBlake3(FILES['alone.so']), 'cut'))

test('a changed wheel likewise', { skip }, () => walk(hashBlake3(wheel), 'flip'))

test('a file that is read in small pieces, or fails to be read once, is sound all the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-check-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'file')
  const content = randomBytes(100_000)
  const file = await diskIo.create(path)
  await file.write(content, 0)
  await file.close()
  const piecewise: Pick<Io, 'openIfPresent'> = {
    async openIfPresent(from) {
      const opened = await diskIo.openIfPresent(from)
      if (opened === undefined) return undefined
      return {
        read: (buffer, position) => opened.read(buffer.subarray(0, 999), position),
        write: (bytes, position) => opened.write(bytes, position),
        size: () => opened.size(),
        stamp: () => opened.stamp(),
        sync: () => opened.sync(),
        close: () => opened.close(),
      }
    },
  }
  const blake3 = hashBlake3(content)
  assert.equal(await checkFile({ ...diskIo, ...piecewise }, path, blake3), 'sound')
  const io = new FaultyIo(diskIo)
  for (let step = 1; step <= 4; step += 1) {
    io.arm({ step, errno: 'EIO' })
    assert.equal(await checkFile(io, path, blake3), 'sound', `step ${step}`)
    io.arm({ step, errno: 'EIO', isLasting: true })
    // Closing fails last, when all was read.
    assert.equal(await checkFile(io, path, blake3), step === 4 ? 'sound' : 'damaged')
  }
  io.arm({ step: 1, errno: 'EMFILE' })
  await assert.rejects(checkFile(io, path, blake3), { code: 'EMFILE' })
  assert.equal(io.openFiles, 0)
})
