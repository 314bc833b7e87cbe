import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Config } from '../../../server/config.ts'
import { parseIndexName } from '../../../storage/names.ts'
import type { InProcessArbor } from '../../support/in-process.ts'
import type { Quirks } from '../../support/upstream/quirks.ts'
import {
  get,
  makeDataFolder,
  openProxy,
  openUpstream,
  type PageJson,
  pageOf,
  pagesAsked,
  statusOf,
  until,
} from './proxy.ts'

const recipes = ['1.0', '1.1', '2.0'].map((version) => ({
  name: 'demo',
  version,
  files: { 'demo/__init__.py': version },
}))
const [old, newer] = ['demo-1.0-py3-none-any.whl', 'demo-1.1-py3-none-any.whl']

function namesOn({ files }: PageJson): string[] {
  return files.map(({ filename }) => filename)
}

async function store(arbor: InProcessArbor, page: PageJson, name: string): Promise<void> {
  const { distributions } = (await arbor.stats())['store']!
  await (await get(arbor, page.files.find(({ filename }) => filename === name)!.url)).arrayBuffer()
  await until(async () => (await arbor.stats())['store']!['distributions'] === Number(distributions) + 1)
}

async function pruneAll(arbor: InProcessArbor): Promise<void> {
  const response = await fetch(`${arbor.url}/admin/prune`, {
    method: 'POST',
    headers: { authorization: 'Bearer secret-for-tests' },
    body: JSON.stringify({ dryRun: false, maxBytes: 0 }),
  })
  assert.equal(response.status, 200)
}

/** An upstream with three versions, and a proxy that another one, over the same folder, has filled with what `stored` names; upstream is gone. */
async function openOffline(
  t: TestContext,
  stored: readonly string[],
  { quirks = {}, ...settings }: { quirks?: Partial<Quirks>; storedOnly?: boolean } = {},
): Promise<InProcessArbor> {
  const upstream = await openUpstream(t, recipes, quirks)
  const data = await makeDataFolder(t)
  const online = await openProxy(t, { main: upstream }, {}, { data })
  const page = await pageOf(online, '/simple/demo/')
  for (const name of stored) await store(online, page, name)
  await online[Symbol.asyncDispose]()
  await upstream.stop()
  return openProxy(t, { main: upstream }, { mode: 'offline', storedOnly: true, ...settings }, { data })
}

/** All indexes as one; only the first is stored-only. */
function withVirtual(config: Config): Config {
  const pins = new Map()
  return {
    ...config,
    indexes: config.indexes.map((index) => Object.assign({}, index, { storedOnly: index.default })),
    virtuals: [{ name: parseIndexName('all'), default: false, indexes: config.indexes.map(({ name }) => name), pins }],
  }
}

test('an index with stored-only lists what is stored, and its versions; others list what upstream has', async (t) => {
  const offline = await openOffline(t, [old, newer])
  const page = await pageOf(offline, '/simple/demo/')
  assert.deepEqual(namesOn(page), [old, newer])
  assert.deepEqual((page as { versions?: unknown }).versions, ['1.0', '1.1'])
  for (const { url } of page.files) assert.equal(await statusOf(offline, url), 200)
  const plain = await openOffline(t, [old, newer], { storedOnly: false })
  assert.equal(namesOn(await pageOf(plain, '/simple/demo/')).length, 3)
})

test('so it does for files without a hash', async (t) => {
  const offline = await openOffline(t, [newer], { quirks: { noHashes: true } })
  const page = await pageOf(offline, '/simple/demo/')
  assert.deepEqual(namesOn(page), [newer])
  assert.equal(await statusOf(offline, page.files[0]!.url), 200)
})

test('a file is listed once it is stored, by whatever index and process, until it is pruned', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const data = await makeDataFolder(t)
  const mirror = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream }, { storedOnly: true }, { data })
  const other = await openProxy(t, { other: mirror }, {}, { data })
  const listed = await pageOf(other, '/simple/demo/')
  const before = await get(arbor, '/simple/demo/')
  assert.deepEqual(((await before.json()) as PageJson).files, [])
  await store(other, listed, newer)
  const later = await get(arbor, '/simple/demo/', { 'if-none-match': before.headers.get('etag') ?? '' })
  assert.deepEqual(namesOn((await later.json()) as PageJson), [newer])
  const same = await get(arbor, '/simple/demo/', { 'if-none-match': later.headers.get('etag') ?? '' })
  assert.equal(same.status, 304)
  await pruneAll(other)
  assert.deepEqual(namesOn(await pageOf(arbor, '/simple/demo/')), [])
  assert.equal(pagesAsked(upstream, 'demo'), 1)
})

test('what is not listed can be fetched by its URL all the same, and is then listed', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream }, { storedOnly: true })
  const { sha256 } = upstream.distributions.get(old)!
  assert.equal(await statusOf(arbor, `/files/main/${sha256}/${old}`), 200)
  await until(async () => (await pageOf(arbor, '/simple/demo/')).files.length === 1)
})

test('B18: a project of which nothing is stored is an empty page: no later index may answer for it', async (t) => {
  const inner = await openUpstream(t, recipes)
  const outer = await openUpstream(t, [{ name: 'demo', version: '99.0' }])
  const arbor = await openProxy(t, { inner, outer }, {}, { adjust: withVirtual })
  for (const path of ['/simple/demo/', '/all/simple/demo/']) {
    assert.deepEqual(namesOn(await pageOf(arbor, path)), [])
  }
  assert.equal(pagesAsked(outer), 0)
  assert.equal(await statusOf(arbor, '/inner/simple/nothing/'), 404)
})
