import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openDiskBlobStore } from '../../../storage/blobs/disk-blob-store.ts'
import { openStaging, sweepStaging } from '../../../storage/blobs/staging.ts'
import { hashBlake3 } from '../../../storage/digest.ts'
import { diskIo, type Io } from '../../../storage/io.ts'
import { createLayout, type Layout } from '../../../storage/layout.ts'
import { listAll, readWhole } from '../../contract/blob-store.ts'
import { createDiskFixture, listFiles } from './disk-fixture.ts'

const PROCESS = fileURLToPath(new URL('store-process.ts', import.meta.url))

function start(layout: Layout, order: 'adopt' | 'hold'): ChildProcess {
  return spawn(process.execPath, [PROCESS, layout.folder, order], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Starts a process that holds the store open; resolves to it and to the path of what it has staged. */
async function startHolder(t: TestContext, layout: Layout): Promise<{ child: ChildProcess; path: string }> {
  const child = start(layout, 'hold')
  t.after(() => child.kill('SIGKILL'))
  assert(child.stdout !== null)
  const [path] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, path }
}

test('what a live process has staged is left alone; what a killed one had is swept', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const [first, second] = await Promise.all([startHolder(t, fixture.layout), startHolder(t, fixture.layout)])

  const store = await fixture.open()
  assert.equal(await readFile(first.path, 'utf8'), 'half of some')
  assert.equal(await readFile(second.path, 'utf8'), 'half of some')

  const exited = once(first.child, 'exit')
  first.child.kill('SIGKILL')
  await exited
  const other = await fixture.open()
  await assert.rejects(stat(first.path), { code: 'ENOENT' })
  assert.equal(await readFile(second.path, 'utf8'), 'half of some')

  await Promise.all([store.close(), other.close()])
  assert.equal((await readdir(fixture.layout.staging)).length, 2, "one live process's lock and folder")
})

test('eight processes make the same blobs in a new folder', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const layout = createLayout(join(fixture.folder, 'new'))
  const exits = await Promise.all(Array.from({ length: 8 }, () => once(start(layout, 'adopt'), 'exit')))
  assert.deepEqual(
    exits,
    Array.from({ length: 8 }, () => [0, null]),
  )
  assert.deepEqual(await readdir(layout.staging), [])
  const store = await openDiskBlobStore({ io: diskIo, layout })
  assert.equal((await listAll(store)).size, 50)
  for (let index = 0; index < 50; index += 1) {
    const content = Buffer.from(`blob ${index}`)
    assert.deepEqual(await readWhole(store, hashBlake3(content)), content)
  }
  await store.close()
})

test('a folder without a lock, a lock without a folder, and both without a process are debris', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const { layout } = fixture
  const [lockless, folderless, both] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
  await mkdir(layout.stagingFolder(lockless))
  await writeFile(join(layout.stagingFolder(lockless), '1'), 'x')
  await writeFile(layout.stagingLock(folderless), '')
  await mkdir(layout.stagingFolder(both))
  await writeFile(layout.stagingLock(both), '')
  await writeFile(layout.unpackLock(hashBlake3(Buffer.from('a wheel'))), '')
  const store = await fixture.open()
  assert.equal((await readdir(layout.staging)).length, 2, 'the lock and the folder of this process')
  await store.close()
  assert.deepEqual(await readdir(layout.staging), [])
})

test("what somebody else had in a folder called staging, before it was Arbor's, stays", async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const { layout } = fixture
  await mkdir(join(layout.staging, 'site'))
  await writeFile(join(layout.staging, 'site', 'index.html'), 'theirs')
  await writeFile(join(layout.staging, 'package.lock'), 'theirs')
  const store = await fixture.open()
  await store.close()
  assert.deepEqual((await readdir(layout.staging)).toSorted(), ['package.lock', 'site'])
  assert.equal(await readFile(join(layout.staging, 'site', 'index.html'), 'utf8'), 'theirs')
  assert.equal(await readFile(join(layout.staging, 'package.lock'), 'utf8'), 'theirs')
})

test('an own folder is never swept from under somebody, however many open and close at once', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  const use = async (): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      const staging = await openStaging(diskIo, fixture.layout)
      const path = staging.nextPath()
      await writeFile(path, 'mine')
      assert(staging.owns(path))
      assert.equal(await readFile(path, 'utf8'), 'mine')
      await staging.close()
    }
  }
  await Promise.all(Array.from({ length: 10 }, use))
  assert.deepEqual(await listFiles(fixture.layout.staging), [])
})

test('a lock file that is swept between its making and its locking is made anew', async (t) => {
  const fixture = await createDiskFixture()
  t.after(() => fixture.remove())
  let isFirst = true
  const io: Io = {
    ...diskIo,
    async size(path) {
      if (isFirst) await rm(path)
      isFirst = false
      return diskIo.size(path)
    },
  }
  const staging = await openStaging(io, fixture.layout)
  assert(!isFirst, 'the lock file was looked for once it was locked')
  await writeFile(staging.nextPath(), 'mine')
  await sweepStaging(diskIo, fixture.layout)
  assert.equal((await listFiles(fixture.layout.staging)).length, 2, 'the lock and the file')
  await staging.close()
  assert.deepEqual(await listFiles(fixture.layout.staging), [])
})
