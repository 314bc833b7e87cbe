import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { Checkpointer } from '../../../storage/catalog/checkpointer.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { Connection } from '../../../storage/catalog/sqlite-connection.ts'
import { diskIo, type Io } from '../../../storage/io.ts'
import { blake3Of, distributionOf, sha256Of, storedPageOf, WHEEL } from '../../contract/catalog-samples.ts'
import { FaultyIo } from '../../fault/faulty-io.ts'

async function createPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-catalog-'))
  t.after(() => rm(folder, { recursive: true }))
  return path.join(folder, 'catalog.sqlite')
}

/** The disk, with each fsync of a file passing through `sync`. */
function syncingThrough(sync: (through: () => Promise<void>) => Promise<void>): Io {
  return {
    ...diskIo,
    async openIfPresent(file) {
      const opened = await diskIo.openIfPresent(file)
      if (opened === undefined) return undefined
      return {
        read: (buffer, position) => opened.read(buffer, position),
        write: (bytes, position) => opened.write(bytes, position),
        size: () => opened.size(),
        stamp: () => opened.stamp(),
        sync: () => sync(() => opened.sync()),
        close: () => opened.close(),
      }
    },
  }
}

const skip = process.platform === 'win32' ? 'SQLite syncs by itself there' : false

test('what has to be durable is so before it resolves, and others need not wait for that', { skip }, async (t) => {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let syncs = 0
  const io = syncingThrough(async (through) => {
    syncs += 1
    reached.resolve()
    await gate.promise
    await through()
  })
  const catalog = await openSqliteCatalog({ path: await createPath(t), io })
  t.after(() => catalog.close())
  let isDurable = false
  const adding = catalog.addDistribution(distributionOf('w'), WHEEL).then(() => (isDurable = true))
  await reached.promise
  await catalog.savePage(storedPageOf('spam'))
  assert.equal((await catalog.stats()).distributions, 1, 'it is there for those who look')
  assert.equal(isDurable, false)
  // These share the next one.
  const more = ['x', 'y', 'z'].map((name) => catalog.addDistribution(distributionOf(name), WHEEL))
  gate.resolve()
  await Promise.all([adding, ...more])
  assert.equal(isDurable, true)
  assert.ok(syncs >= 2 && syncs <= 4, `${syncs} syncs`)
})

test('after a failed fsync nothing counts as durable until the database has the log', { skip }, async (t) => {
  const file = await createPath(t)
  const error = Object.assign(new Error('EIO'), { code: 'EIO' })
  let failures = 1
  const io = syncingThrough((through) => (failures-- > 0 ? Promise.reject(error) : through()))
  const catalog = await openSqliteCatalog({ path: file, io })
  t.after(() => catalog.close())
  await assert.rejects(catalog.addDistribution(distributionOf('w'), WHEEL), error)
  {
    // Somebody reads from the log: it cannot begin anew.
    using reader = new DatabaseSync(file, { readOnly: true })
    reader.exec('BEGIN; SELECT count(*) FROM distribution')
    await assert.rejects(catalog.addDistribution(distributionOf('x'), WHEEL), error, 'though its own fsync succeeds')
    await catalog.savePage(storedPageOf('spam'))
  }
  await catalog.addDistribution(distributionOf('w'), WHEEL)
  assert.equal(failures, -2)
  assert.notEqual(await catalog.findPlace(blake3Of('w')), undefined)
  assert.ok((await stat(`${file}-wal`)).size < 100_000, 'the log began anew')
})

test('an fsync for which there is no room says so, and leaves no descriptor', { skip }, async (t) => {
  const file = await createPath(t)
  const io = new FaultyIo(diskIo)
  io.arm({ step: 4, errno: 'EMFILE' })
  await assert.rejects(openSqliteCatalog({ path: file, io }), { code: 'EMFILE' })
  assert.equal(io.openFiles, 0)
  io.arm()
  const catalog = await openSqliteCatalog({ path: file, io })
  assert.equal(io.openFiles, 1)
  for (const step of [1, 2]) {
    io.arm({ step, errno: 'ENOSPC' })
    const adding = catalog.addDistribution(distributionOf('w'), WHEEL)
    await assert.rejects(adding, { code: 'ERR_STORE_FULL' }, `step ${step}`)
  }
  io.arm({ step: 1, errno: 'EIO', isLasting: true })
  await catalog.close()
  assert.equal(io.openFiles, 0)
})

for (const isReplaced of [false, true]) {
  const what = isReplaced ? 'replaced by another' : 'removed'
  test(`a catalog that is ${what} while it is open goes on, but plans no prune by what is there now`, async (t) => {
    if (process.platform === 'win32') return t.skip('what is open cannot be removed there')
    const file = await createPath(t)
    const catalog = await openSqliteCatalog({ path: file, io: diskIo })
    t.after(() => catalog.close())
    for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix)
    if (isReplaced) await (await openSqliteCatalog({ path: file })).close()
    const before = await readdir(path.dirname(file))
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    // So much that a thread is to take it into the database, which is not there.
    for (const wheel of ['v', 'w']) await catalog.saveMetadata(sha256Of(wheel), new Uint8Array(8_000_000), 1)
    assert.notEqual(await catalog.findPlace(blake3Of('w')), undefined)
    const error = { code: 'ERR_STORE_FORMAT', message: /was removed or replaced under a running Arbor.*restart/ }
    await assert.rejects(catalog.planPrune({ maxBytes: 0 }, 1), error)
    await assert.rejects(catalog.dropStale(1), error)
    await catalog.close()
    assert.deepEqual(await readdir(path.dirname(file)), before)
  })
}

test('a catalog that is a link is the one that it leads to', { skip }, async (t) => {
  const [link, file] = [await createPath(t), await createPath(t)]
  await symlink(file, link)
  for (let round = 0; round < 2; round += 1) {
    const catalog = await openSqliteCatalog({ path: link, io: diskIo })
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    await catalog.planPrune({}, 1)
    await catalog.close()
  }
  assert.deepEqual(await readdir(path.dirname(link)), [path.basename(link)])
})

test('what was begun before closing is done, and durable', { skip }, async (t) => {
  const catalog = await openSqliteCatalog({ path: await createPath(t), io: diskIo })
  const adding = ['w', 'x', 'y'].map((name) => catalog.addDistribution(distributionOf(name), WHEEL))
  await catalog.close()
  await Promise.all(adding)
})

test('a thread takes large commits from the log into the database, and lets small ones be', async (t) => {
  const file = await createPath(t)
  const writer = new Connection(file, { readOnly: false })
  t.after(() => writer.close())
  writer.exec('PRAGMA journal_mode = wal')
  const checkpointer = new Checkpointer(file, writer)
  const left = (): number => {
    const { log, checkpointed } = writer.get<{ log: number; checkpointed: number }>('PRAGMA wal_checkpoint(NOOP)')
    return log - checkpointed
  }
  writer.exec('CREATE TABLE filler (content BLOB)')
  checkpointer.afterCommit(writer)
  writer.exec('INSERT INTO filler VALUES (zeroblob(8000000))')
  assert.ok(left() > 1000)
  checkpointer.afterCommit(writer)
  await checkpointer.close()
  assert.equal(left(), 0)
})
