import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { migrate } from '../../../storage/catalog/migrate.ts'
import { APPLICATION_ID, MIGRATIONS } from '../../../storage/catalog/schema.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { asStorageError, Connection } from '../../../storage/catalog/sqlite-connection.ts'
import { diskIo } from '../../../storage/io.ts'
import { blake3Of, distributionOf, storedPageOf, WHEEL } from '../../contract/catalog-samples.ts'

async function createPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-catalog-'))
  t.after(() => rm(folder, { recursive: true }))
  return path.join(folder, 'catalog.sqlite')
}

function runSql(file: string, sql: string): void {
  using database = new DatabaseSync(file)
  database.exec(sql)
}

function readPragma(file: string, name: string): unknown {
  using database = new DatabaseSync(file)
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

test('a new database is marked as ours, with its version, in WAL mode', async (t) => {
  const file = await createPath(t)
  await (await openSqliteCatalog({ path: file })).close()
  assert.equal(readPragma(file, 'application_id'), APPLICATION_ID)
  assert.equal(readPragma(file, 'user_version'), MIGRATIONS.length)
  assert.equal(readPragma(file, 'journal_mode'), 'wal')
})

const hasModes = process.platform !== 'win32'

test('nobody but its owner can read the database and its log', { skip: !hasModes && 'no modes here' }, async (t) => {
  const file = await createPath(t)
  const catalog = await openSqliteCatalog({ path: file, io: diskIo })
  t.after(() => catalog.close())
  await catalog.addDistribution(distributionOf('w'), WHEEL)
  const names = await readdir(path.dirname(file))
  assert.ok(names.includes('catalog.sqlite-wal'))
  for (const name of names) {
    assert.equal((await stat(path.join(path.dirname(file), name))).mode & 0o077, 0, name)
  }
})

test('what was added is there when the database is opened again', async (t) => {
  const file = await createPath(t)
  const first = await openSqliteCatalog({ path: file })
  await first.addDistribution(distributionOf('w'), WHEEL)
  await first.close()
  const second = await openSqliteCatalog({ path: file })
  t.after(() => second.close())
  assert.equal((await second.findDistribution({ algorithm: 'blake3', hex: blake3Of('w') }))?.size, 100)
})

test('a newer format is refused in words, and left as it is', async (t) => {
  const file = await createPath(t)
  await (await openSqliteCatalog({ path: file })).close()
  runSql(file, `PRAGMA user_version = ${MIGRATIONS.length + 1}`)
  await assert.rejects(openSqliteCatalog({ path: file }), {
    code: 'ERR_STORE_FORMAT',
    message: /newer Arbor.*update Arbor/,
  })
  await assert.rejects(openSqliteCatalog({ path: file, readOnly: true }), { code: 'ERR_STORE_FORMAT' })
  assert.equal(readPragma(file, 'user_version'), MIGRATIONS.length + 1)
})

test("another program's database is refused, and left as it is", async (t) => {
  const file = await createPath(t)
  runSql(file, 'CREATE TABLE theirs (id INTEGER)')
  const before = await readFile(file)
  await assert.rejects(openSqliteCatalog({ path: file }), { code: 'ERR_STORE_FORMAT', message: /another program/ })
  assert.deepEqual(await readFile(file), before)
})

test('a file that is no database is refused, and left as it is', async (t) => {
  const file = await createPath(t)
  await writeFile(file, 'not a database, but long enough to be taken for the header of one: '.repeat(10))
  const before = await readFile(file)
  await assert.rejects(openSqliteCatalog({ path: file }), {
    code: 'ERR_STORE_FORMAT',
    message: /not an SQLite database/,
  })
  assert.deepEqual(await readFile(file), before)
})

test('a database that was cut short is refused in words that say what to do', async (t) => {
  const file = await createPath(t)
  await (await openSqliteCatalog({ path: file })).close()
  await truncate(file, 20_000)
  for (const readOnly of [false, true]) {
    await assert.rejects(openSqliteCatalog({ path: file, readOnly }), {
      code: 'ERR_STORE_FORMAT',
      message: /is damaged: remove it/,
    })
  }
})

test('a database that is damaged while it is open says what to do, whoever reads or writes', async (t) => {
  const file = await createPath(t)
  await (await openSqliteCatalog({ path: file })).close()
  await using opened = new AsyncDisposableStack()
  const catalog = opened.adopt(await openSqliteCatalog({ path: file }), (one) => one.close())
  await truncate(file, 20_000)
  const error = { code: 'ERR_STORE_FORMAT', message: /is damaged: remove it/ }
  await assert.rejects(catalog.listPins(), error)
  await assert.rejects(catalog.addDistribution(distributionOf('w'), WHEEL), error)
  await assert.rejects(catalog.planPrune({ maxBytes: 0 }, 0), error)
})

test('a page of which the disk changed a bit is as good as none', async (t) => {
  const file = await createPath(t)
  await using opened = new AsyncDisposableStack()
  const catalog = opened.adopt(await openSqliteCatalog({ path: file }), (one) => one.close())
  const page = storedPageOf('spam')
  await catalog.savePage(page)
  runSql(file, `UPDATE page_content SET content = replace(content, '"', '#')`)
  assert.equal(await catalog.findPage(page.index, page.project), undefined)
  await catalog.savePage(page)
  assert.deepEqual(await catalog.findPage(page.index, page.project), page)
})

test('an empty file is as good as none', async (t) => {
  const file = await createPath(t)
  await writeFile(file, '')
  await (await openSqliteCatalog({ path: file })).close()
  assert.equal(readPragma(file, 'user_version'), MIGRATIONS.length)
})

test('an older format is migrated step by step, in one transaction', async (t) => {
  const file = await createPath(t)
  const catalog = await openSqliteCatalog({ path: file })
  await catalog.addDistribution(distributionOf('w'), WHEEL)
  await catalog.close()
  const connection = new Connection(file, { readOnly: false })
  t.after(() => connection.close())
  const steps = [...MIGRATIONS, 'CREATE TABLE leaf (id INTEGER)', 'INSERT INTO leaf SELECT count(*) FROM distribution']
  assert.throws(() => migrate(connection, file, [...steps, 'a mistake']), /syntax error/)
  assert.equal(connection.get<{ user_version: number }>('PRAGMA user_version').user_version, MIGRATIONS.length)
  assert.equal(connection.find("SELECT 1 FROM sqlite_schema WHERE name = 'leaf'"), undefined)
  migrate(connection, file, steps)
  assert.equal(connection.get<{ user_version: number }>('PRAGMA user_version').user_version, steps.length)
  assert.equal(connection.get<{ id: number }>('SELECT id FROM leaf').id, 1)
})

test('opened read-only it finds what another connection commits, and takes no writes', async (t) => {
  const file = await createPath(t)
  const writer = await openSqliteCatalog({ path: file })
  const reader = await openSqliteCatalog({ path: file, readOnly: true })
  t.after(() => writer.close())
  t.after(() => reader.close())
  assert.deepEqual(await reader.findStored([blake3Of('w')]), new Set())
  await writer.addDistribution(distributionOf('w'), WHEEL)
  assert.deepEqual(await reader.findStored([blake3Of('w')]), new Set([blake3Of('w')]))
  await assert.rejects(reader.addDistribution(distributionOf('v'), WHEEL), /read-only/)
})

test('a full disk is told as such', async (t) => {
  const file = await createPath(t)
  using database = new DatabaseSync(file)
  database.exec('CREATE TABLE filler (content BLOB); PRAGMA max_page_count = 4')
  assert.throws(
    () => {
      try {
        database.exec('INSERT INTO filler VALUES (zeroblob(100000))')
      } catch (error) {
        throw asStorageError(error)
      }
    },
    { code: 'ERR_STORE_FULL' },
  )
  const other = new Error('other')
  assert.equal(asStorageError(other), other)
})
