import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout, type Layout } from '../../storage/layout.ts'
import { FaultyIo, walkFaults } from '../fault/faulty-io.ts'
import { listFiles } from './blobs/disk-fixture.ts'

async function newLayout(t: TestContext): Promise<Layout> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-folder-'))
  t.after(() => rm(folder, { recursive: true }))
  return createLayout(join(folder, 'some', 'where'))
}

test('a new data folder says what it is, to people, to backup programs and to us', async (t) => {
  const layout = await newLayout(t)
  await prepareDataFolder(diskIo, layout)
  assert.match(await readFile(layout.cacheTag, 'latin1'), /^Signature: 8a477f597d28d172789f06886806bc55\n/)
  assert.match(await readFile(layout.readme, 'utf8'), /store of Arbor/)
  assert.equal(await readFile(layout.format, 'utf8'), 'arbor-store-1\n')
  assert.deepEqual((await listFiles(layout.folder)).toSorted(), [layout.cacheTag, layout.readme, layout.format])
  if (process.platform !== 'win32') assert.equal((await stat(layout.folder)).mode & 0o077, 0)
})

test('preparing again changes nothing', async (t) => {
  const layout = await newLayout(t)
  await prepareDataFolder(diskIo, layout)
  const before = await stat(layout.format)
  await prepareDataFolder(diskIo, layout)
  assert.equal((await stat(layout.format)).mtimeMs, before.mtimeMs)
})

test('many may prepare the same folder at once', async (t) => {
  const layout = await newLayout(t)
  await Promise.all(Array.from({ length: 10 }, () => prepareDataFolder(diskIo, layout)))
  assert.deepEqual((await listFiles(layout.folder)).toSorted(), [layout.cacheTag, layout.readme, layout.format])
})

test('a newer format is refused with both formats named', async (t) => {
  const layout = await newLayout(t)
  await mkdir(layout.folder, { recursive: true })
  await writeFile(layout.format, 'arbor-store-2\n')
  await assert.rejects(prepareDataFolder(diskIo, layout), {
    code: 'ERR_STORE_FORMAT',
    message: /"arbor-store-2".*"arbor-store-1"/,
  })
  assert.deepEqual(await listFiles(layout.folder), [layout.format])
})

for (const text of ['', 'x'.repeat(10_000), 'arbor-store-1', 'other\n']) {
  test(`a format file that says ${JSON.stringify(text.slice(0, 20))} is refused`, async (t) => {
    const layout = await newLayout(t)
    await mkdir(layout.folder, { recursive: true })
    await writeFile(layout.format, text)
    await assert.rejects(prepareDataFolder(diskIo, layout), { code: 'ERR_STORE_FORMAT' })
  })
}

test('a folder with other files is used, and neither its README is touched nor its backup stopped', async (t) => {
  const layout = await newLayout(t)
  await mkdir(layout.folder, { recursive: true })
  await writeFile(layout.readme, 'mine')
  await writeFile(join(layout.folder, 'thesis.tex'), 'years of work')
  await prepareDataFolder(diskIo, layout)
  assert.equal(await readFile(layout.readme, 'utf8'), 'mine')
  assert.deepEqual(
    (await listFiles(layout.folder)).toSorted(),
    [layout.readme, layout.format, join(layout.folder, 'thesis.tex')].toSorted(),
  )
})

test('a README that somebody left in a folder made for Arbor stays theirs', async (t) => {
  const layout = await newLayout(t)
  await mkdir(layout.folder, { recursive: true })
  await writeFile(layout.readme, 'ask Ann before you delete this')
  await prepareDataFolder(diskIo, layout)
  assert.equal(await readFile(layout.readme, 'utf8'), 'ask Ann before you delete this')
})

test('what comes with an empty volume, and a configuration file, are no hindrance', async (t) => {
  const layout = await newLayout(t)
  await mkdir(join(layout.folder, 'lost+found'), { recursive: true })
  await writeFile(join(layout.folder, 'arbor.toml'), '')
  await prepareDataFolder(diskIo, layout)
})

test('whatever step fails, the next start gets the folder ready', async (t) => {
  const runs = await walkFaults(['ENOSPC', 'EIO', 'EMFILE', 'EROFS'], async (fault) => {
    const layout = await newLayout(t)
    const io = new FaultyIo(diskIo)
    io.arm(fault)
    const outcome = await prepareDataFolder(io, layout).catch((error: unknown) => error)
    const { steps, hits } = io
    assert.equal(io.openFiles, 0, 'no descriptor may be left open')
    const isFull = fault.errno === 'ENOSPC' || fault.errno === 'EROFS'
    if (outcome instanceof Error)
      assert.equal('code' in outcome && outcome.code, isFull ? 'ERR_STORE_FULL' : fault.errno)
    if (outcome !== undefined) assert(hits > 0)
    await prepareDataFolder(diskIo, layout)
    assert.equal(await readFile(layout.format, 'utf8'), 'arbor-store-1\n')
    return { steps }
  })
  assert(runs > 80)
})
