import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { Checkpointer } from '../../../storage/catalog/checkpointer.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { Connection } from '../../../storage/catalog/sqlite-connection.ts'
import { diskIo, type Io } from '../../../storage/io.ts'
import { blake3Of, distributionOf, storedPageOf, WHEEL } from '../../contract/catalog-samples.ts'

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

test(
  'a failed fsync is told to those who waited for it, and the next one is made all the same',
  { skip },
  async (t) => {
    const error = Object.assign(new Error('EIO'), { code: 'EIO' })
    let failures = 1
    const io = syncingThrough((through) => (failures-- > 0 ? Promise.reject(error) : through()))
    const catalog = await openSqliteCatalog({ path: await createPath(t), io })
    t.after(() => catalog.close())
    await assert.rejects(catalog.addDistribution(distributionOf('w'), WHEEL), error)
    await catalog.addDistribution(distributionOf('w'), WHEEL)
    assert.notEqual(await catalog.findPlace(blake3Of('w')), undefined)
  },
)

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
