import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import type { Catalog } from '../../../storage/catalog/catalog.ts'
import { APPLICATION_ID, MIGRATIONS } from '../../../storage/catalog/schema.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { parseFilename, parseProjectName } from '../../../storage/names.ts'
import { INDEX, blake3Of, sha256Of, storedPageOf } from '../../contract/catalog-samples.ts'

/** The version before pins, traffic and running totals by project. */
const BEFORE = 2

const pageBefore = storedPageOf('spam', {
  page: {
    files: ['one', 'two'].map((name) => ({
      filename: parseFilename(`spam-${name}.zip`),
      url: `http://files.example/${name}.zip`,
      coreMetadata: { sha256: sha256Of('metadata') },
      hashes: { md5: '0'.repeat(32), sha256: sha256Of(name) },
    })),
  },
})

/** A database of that version: `one` and `two` of spam, one of them under two names, `three` of eggs on two indexes. */
async function createOld(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-migration-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'catalog.sqlite')
  using database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = wal')
  for (const step of MIGRATIONS.slice(0, BEFORE)) database.exec(step)
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${BEFORE}`)
  const addBlob = database.prepare('INSERT INTO blob (id, blake3, size, needs) VALUES (?, unhex(?), ?, 1)')
  const add = database.prepare(
    'INSERT INTO distribution (id, sha256, size, stored_at, used_at) VALUES (?, unhex(?), ?, 1, ?)',
  )
  for (const [id, name, size, usedAt] of [
    [1, 'one', 10, 1000],
    [2, 'two', 20, 3000],
    [3, 'three', 500, 2000],
  ] as const) {
    addBlob.run(id, blake3Of(name), size)
    add.run(id, sha256Of(name), size, usedAt)
  }
  database.exec(`
    UPDATE total SET files = 3, file_bytes = 530;
    INSERT INTO sighting (distribution, index_name, project, filename) VALUES
      (1, 'pypi', 'spam', 'spam-1.zip'), (1, 'pypi', 'spam', 'Spam-1.zip'), (2, 'pypi', 'spam', 'spam-2.zip'),
      (3, 'pypi', 'eggs', 'eggs-1.zip'), (3, 'internal', 'eggs', 'eggs-1.zip')`)
  database.prepare('INSERT INTO metadata (wheel, content) VALUES (unhex(?), ?)').run(sha256Of('w'), Uint8Array.of(1, 2))
  const { etag, fetchedAt, page } = pageBefore
  database.prepare("INSERT INTO page VALUES (7, 'pypi', 'spam', ?, NULL, ?)").run(etag ?? null, fetchedAt)
  database.prepare('INSERT INTO page_content VALUES (7, ?)').run(JSON.stringify(page))
  return file
}

test('what the version before stored is all there, and its projects are counted', async (t) => {
  await using opened = await openOld(t)
  const { catalog } = opened
  const { distributions, files, storedBytes, pages } = await catalog.stats()
  assert.deepEqual(
    { distributions, files, storedBytes, pages },
    { distributions: 3, files: 3, storedBytes: 530, pages: 1 },
  )
  assert.deepEqual(await catalog.findPage(INDEX, parseProjectName('spam')), { ...pageBefore, source: undefined })
  assert.deepEqual((await catalog.findMetadata(sha256Of('w'), INDEX))?.content, Uint8Array.of(1, 2))
  assert.equal((await catalog.findDistribution({ algorithm: 'sha256', hex: sha256Of('one') }))?.sightings.length, 2)
  assert.deepEqual(await usage(catalog), ['internal eggs 1 500 2000', 'pypi eggs 1 500 2000', 'pypi spam 2 30 3000'])
})

test('its metadata counts as saved at the migration, and what is pruned later is counted off', async (t) => {
  const before = Date.now()
  await using opened = await openOld(t)
  const { catalog } = opened
  assert.deepEqual(await catalog.dropStale(before), { pages: 0, metadata: 0 })
  await catalog.executePrune(await catalog.planPrune({ unusedForMs: 500 }, 3000), async () => {})
  assert.deepEqual(await usage(catalog), ['pypi spam 1 20 3000'])
  assert.deepEqual(await catalog.dropStale(Date.now() + 1000), { pages: 0, metadata: 1 })
})

test('its trees have manifests, which count among what it holds until the trees go', async (t) => {
  const file = await createOld(t)
  {
    using database = new DatabaseSync(file)
    database.exec(`
      INSERT INTO blob (id, blake3, size, needs) VALUES (4, zeroblob(32), 7, 1);
      INSERT INTO tree (id, dirhash, archive_id, file_count, size) VALUES (4, zeroblob(32), 'a', 1, 100);
      INSERT INTO tree_blob (tree, blob) VALUES (4, 4);
      UPDATE total SET files = 4, file_bytes = 537`)
  }
  const catalog = await openSqliteCatalog({ path: file })
  t.after(() => catalog.close())
  assert.equal((await catalog.stats()).logicalBytes, 530 + 100 + 7)
  await catalog.executePrune(await catalog.planPrune({}, 0), async () => {})
  const { trees, logicalBytes, uniqueBytes } = await catalog.stats()
  assert.deepEqual({ trees, logicalBytes, uniqueBytes }, { trees: 0, logicalBytes: 530, uniqueBytes: 530 })
})

test('what its pages list is found once they were completed', async (t) => {
  await using opened = await openOld(t)
  const { catalog } = opened
  await catalog.completeListings({ signal: AbortSignal.abort() })
  assert.deepEqual(await catalog.findPagesListing(sha256Of('two')), [], 'not yet')
  await catalog.completeListings({ signal: new AbortController().signal })
  for (const name of ['one', 'two']) {
    assert.deepEqual(await catalog.findPagesListing(sha256Of(name)), [{ index: INDEX, project: 'spam' }])
  }
  // Of a page that was saved since, nothing is written over.
  await catalog.savePage(storedPageOf('spam'))
  await catalog.completeListings({ signal: new AbortController().signal })
  assert.deepEqual(await catalog.findPagesListing(sha256Of('one')), [])
})

test('a migration that fails leaves the database as it was', async (t) => {
  const file = await createOld(t)
  {
    using database = new DatabaseSync(file)
    // In the way of the new one.
    database.exec('CREATE TABLE pin (id INTEGER)')
  }
  await assert.rejects(openSqliteCatalog({ path: file }), /already exists/)
  using database = new DatabaseSync(file)
  assert.deepEqual({ ...database.prepare('PRAGMA user_version').get() }, { user_version: BEFORE })
  assert.deepEqual({ ...database.prepare('SELECT count(*) AS rows FROM metadata').get() }, { rows: 1 })
  assert.equal(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'project'").get(), undefined)
})

async function openOld(t: TestContext): Promise<AsyncDisposable & { readonly catalog: Catalog }> {
  const catalog = await openSqliteCatalog({ path: await createOld(t) })
  return { catalog, [Symbol.asyncDispose]: () => catalog.close() }
}

async function usage(catalog: Catalog): Promise<readonly string[]> {
  const projects = await catalog.listProjects('largest', 10)
  return projects
    .map(({ index, project, distributions, bytes, usedAt }) => [index, project, distributions, bytes, usedAt].join(' '))
    .toSorted()
}
