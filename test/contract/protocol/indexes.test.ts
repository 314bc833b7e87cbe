import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../../server/config.ts'
import { parseIndexName, parseProjectName } from '../../../storage/names.ts'
import { get, openProxy, openUpstream, pageOf, pagesAsked, statusOf, until } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }
const secret = { name: 'secret', version: '1.0' }

function virtual(pins: Record<string, string> = {}): { adjust: (config: Config) => Config } {
  const pinned = Object.entries(pins).map(
    ([project, index]) => [parseProjectName(project), parseIndexName(index)] as const,
  )
  return {
    adjust: (config) => ({
      ...config,
      virtuals: [
        {
          name: parseIndexName('all'),
          default: false,
          indexes: config.indexes.map(({ name }) => name),
          pins: new Map(pinned),
        },
      ],
    }),
  }
}

test('each index is served under its name, the default also at /simple/, and same bytes are fetched once', async (t) => {
  const one = await openUpstream(t, [demo])
  const two = await openUpstream(t, [demo, secret])
  const arbor = await openProxy(t, { one, two })
  assert.equal(
    (await pageOf(arbor, '/simple/demo/')).files[0]?.url,
    (await pageOf(arbor, '/one/simple/demo/')).files[0]?.url,
  )
  const urls = await Promise.all(
    ['one', 'two'].map(async (name) => (await pageOf(arbor, `/${name}/simple/demo/`)).files[0]!.url),
  )
  assert.match(urls[1] ?? '', /\/files\/two\//)
  for (const url of urls) {
    const response = await get(arbor, url)
    assert.equal(response.status, 200)
    await response.arrayBuffer()
  }
  assert.equal([...one.requests, ...two.requests].filter(({ path }) => path.endsWith('.whl')).length, 1)
  assert.equal(await statusOf(arbor, '/one/simple/secret/'), 404)
  assert.equal(await statusOf(arbor, '/none/simple/demo/'), 404)
})

test('B18: a virtual index serves the page of the first index that has the project, unmixed', async (t) => {
  const inner = await openUpstream(t, [demo])
  const outer = await openUpstream(t, [{ ...demo, version: '99.0' }, secret])
  const arbor = await openProxy(t, { inner, outer }, {}, virtual())
  const page = await pageOf(arbor, '/all/simple/demo/')
  assert.deepEqual(
    page.files.map(({ filename }) => filename),
    ['demo-1.0-py3-none-any.whl'],
  )
  assert.match(page.files[0]?.url ?? '', /\/files\/inner\//)
  assert.equal(await statusOf(arbor, page.files[0]?.url ?? ''), 200)
  assert.match((await pageOf(arbor, '/all/simple/secret/')).files[0]?.url ?? '', /\/files\/outer\//)
  assert.equal(await statusOf(arbor, '/all/simple/nowhere/'), 404)
  const list = (await (await get(arbor, '/all/simple/')).json()) as { projects: { name: string }[] }
  assert.deepEqual(list.projects.map(({ name }) => name).toSorted(), ['demo', 'secret'])
})

test('G3: a virtual index does not go on to the next index when one is in trouble', async (t) => {
  const inner = await openUpstream(t, [], { pageStatus: 500 })
  const outer = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { inner, outer }, {}, virtual())
  assert.equal(await statusOf(arbor, '/all/simple/demo/'), 502)
  inner.quirks.pageStatus = 403
  assert.equal(await statusOf(arbor, '/all/simple/demo/'), 502)
  await inner.stop()
  assert.equal(await statusOf(arbor, '/all/simple/demo/'), 502)
  assert.equal(pagesAsked(outer), 0)
})

test('a project can be pinned to one index of a virtual one', async (t) => {
  const inner = await openUpstream(t, [demo])
  const outer = await openUpstream(t, [{ ...demo, version: '2.0' }])
  const arbor = await openProxy(t, { inner, outer }, {}, virtual({ Demo: 'outer' }))
  assert.match((await pageOf(arbor, '/all/simple/demo/')).files[0]?.filename ?? '', /^demo-2/)
  assert.equal(pagesAsked(inner), 0)
})

test('G2: a 403 means "not there" only where it is configured to', async (t) => {
  const upstream = await openUpstream(t, [demo], { missingStatus: 403 })
  const strict = await openProxy(t, { main: upstream })
  assert.equal(await statusOf(strict, '/simple/nothing/'), 502)
  const lenient = await openProxy(t, { main: upstream }, { notFoundStatuses: [403] })
  assert.equal(await statusOf(lenient, '/simple/nothing/'), 404)
})

test('G2, E16: so it is for a file that is listed, but gone', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { notFoundStatuses: [403] })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  upstream.quirks.fileStatus = 403
  assert.equal(await statusOf(arbor, url), 404)
  const strict = await openProxy(t, { main: upstream })
  assert.equal(await statusOf(strict, new URL(url).pathname), 502)
})

test('G4: a page without links is an empty page, or a missing project where that is configured', async (t) => {
  const upstream = await openUpstream(t, [demo])
  upstream.rawPages.set('empty', { contentType: 'text/html', body: '<!DOCTYPE html><html><body></body></html>' })
  const plain = await openProxy(t, { main: upstream })
  assert.deepEqual((await pageOf(plain, '/simple/empty/')).files, [])
  const quirky = await openProxy(t, { main: upstream }, { emptyMeansAbsent: true })
  assert.equal(await statusOf(quirky, '/simple/empty/'), 404)
})

test('offline: what is stored is served, however old, and upstream is not asked', async (t) => {
  const upstream = await openUpstream(t, [demo, secret])
  const online = await openProxy(t, { main: upstream })
  const url = (await pageOf(online, '/simple/demo/')).files[0]!.url
  await (await get(online, url)).arrayBuffer()
  await until(() => online.stats().then(({ store }) => store?.['distributions'] === 1))
  const asked = upstream.requests.length
  const offline = await openProxy(
    t,
    { main: upstream },
    { mode: 'offline', freshMs: 0, staleForMs: 0 },
    { data: online.data },
  )
  assert.equal((await pageOf(offline, '/simple/demo/')).files.length, 1)
  assert.equal(await statusOf(offline, new URL(url).pathname), 200)
  const unknown = await get(offline, '/simple/secret/')
  assert.equal(unknown.status, 503)
  assert.match(await unknown.text(), /ERR_UPSTREAM_OFFLINE/)
  assert.equal(upstream.requests.length, asked)
})

test('offline: a virtual index still knows after a restart which index has a project, and which has not', async (t) => {
  const inner = await openUpstream(t, [demo])
  const outer = await openUpstream(t, [secret])
  const online = await openProxy(t, { inner, outer }, {}, virtual())
  for (const project of ['demo', 'secret', 'nowhere']) await statusOf(online, `/all/simple/${project}/`)
  await until(() => online.stats().then(({ store }) => store?.['pages'] === 2))
  const offline = await openProxy(t, { inner, outer }, { mode: 'offline' }, { ...virtual(), data: online.data })
  assert.match((await pageOf(offline, '/all/simple/demo/')).files[0]?.url ?? '', /\/files\/inner\//)
  assert.match((await pageOf(offline, '/all/simple/secret/')).files[0]?.url ?? '', /\/files\/outer\//)
  assert.equal(await statusOf(offline, '/inner/simple/secret/'), 404)
  assert.equal(await statusOf(offline, '/all/simple/nowhere/'), 503, 'what nobody has is not written down')
})

test('strict: nothing is served that upstream does not confirm', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { mode: 'strict', freshMs: 0 })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  await upstream.stop()
  assert.equal(await statusOf(arbor, '/simple/demo/'), 502)
})

test('A16, J1: an upload to a virtual index is told where its first index takes uploads', async (t) => {
  const inner = await openUpstream(t, [demo])
  const outer = await openUpstream(t, [])
  const arbor = await openProxy(t, { inner, outer }, {}, virtual())
  const response = await fetch(`${arbor.url}/all/legacy/`, { method: 'POST', body: 'x' })
  assert.equal(response.status, 405)
  assert.ok((await response.text()).includes(`Upload to ${inner.url} instead`))
})

test('A17: the list of projects is asked for once in half an hour, and is served old while upstream is down', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const upstream = await openUpstream(t, [demo, secret])
  const arbor = await openProxy(t, { main: upstream })
  for (let count = 0; count < 3; count += 1) assert.equal(await statusOf(arbor, '/simple/'), 200)
  assert.equal(pagesAsked(upstream), 1)
  t.mock.timers.tick(30 * 60_000)
  assert.equal(await statusOf(arbor, '/simple/'), 200)
  assert.equal(pagesAsked(upstream), 2)
  t.mock.timers.tick(30 * 60_000)
  await upstream.stop()
  const list = (await (await get(arbor, '/simple/')).json()) as { projects: { name: string }[] }
  assert.deepEqual(list.projects.map(({ name }) => name).toSorted(), ['demo', 'secret'])
})
