import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Config } from '../../../server/config.ts'
import type { InProcessArbor } from '../../support/in-process.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, openProxy, openRaw, openUpstream, pageOf, pagesAsked, statusOf, until, wheelOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }
const filename = 'demo-1.0-py3-none-any.whl'

const hasty = {
  adjust: (config: Config): Config => ({ ...config, upstream: { ...config.upstream, headersTimeoutMs: 100 } }),
}

/** Downloads the demo's wheel, and waits until it is stored. */
async function store(arbor: InProcessArbor): Promise<string> {
  const url = (await pageOf(arbor, '/simple/demo/')).files[0]!.url
  await (await get(arbor, url)).arrayBuffer()
  await until(async () => (await arbor.stats())['store']?.['distributions'] === 1)
  return new URL(url).pathname
}

test('H6, D8: a page is asked for conditionally once it is not fresh, and a 304 keeps its ETag', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const first = await get(arbor, '/simple/demo/')
  const second = await get(arbor, '/simple/demo/')
  assert.equal(first.headers.get('etag'), second.headers.get('etag'))
  assert.equal(pagesAsked(upstream), 2)
  assert.match(upstream.requests.at(-1)?.headers['if-none-match'] ?? '', /^"/)
  assert.equal(upstream.requests.at(-1)?.status, 304)
})

test('D8: a stale page is served while upstream is down or answers 5xx, but not for ever', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const impatient = await openProxy(t, { main: upstream }, { freshMs: 0, staleForMs: 0 })
  for (const proxy of [arbor, impatient]) assert.equal(await statusOf(proxy, '/simple/demo/'), 200)
  upstream.quirks.pageStatus = 503
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(await statusOf(impatient, '/simple/demo/'), 502)
  await upstream.stop()
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(await statusOf(arbor, '/simple/other/'), 502)
})

test('D8: so it is where upstream does not answer in time, and after a restart', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const before = await openProxy(t, { main: upstream }, { freshMs: 0 }, hasty)
  const { data } = before
  const etag = (await get(before, '/simple/demo/')).headers.get('etag')
  upstream.quirks.latencyMs = 5000
  for (const arbor of [before, await openProxy(t, { main: upstream }, { freshMs: 0 }, { data, ...hasty })]) {
    const response = await get(arbor, '/simple/demo/')
    assert.deepEqual([response.status, response.headers.get('etag')], [200, etag])
  }
  const other = await openProxy(t, { main: upstream }, {}, hasty)
  assert.equal(await statusOf(other, '/simple/demo/'), 504, 'G3: and a page that nobody knows is 504')
})

test('D8: one stale page that many ask for is one upstream request', async (t) => {
  const upstream = await openUpstream(t, [demo], { latencyMs: 100 })
  const arbor = await openProxy(t, { main: upstream })
  const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(arbor, '/simple/demo/')))
  assert.deepEqual(new Set(statuses), new Set([200]))
  assert.equal(pagesAsked(upstream), 1)
})

test('after a restart a page that many ask for is read once', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const before = await openProxy(t, { main: upstream })
  await pageOf(before, '/simple/demo/')
  const after = await openProxy(t, { main: upstream }, {}, { data: before.data })
  const pages = await Promise.all(Array.from({ length: 20 }, () => get(after, '/simple/demo/')))
  assert.equal(new Set(pages.map(({ headers }) => headers.get('etag'))).size, 1)
  assert.equal(pagesAsked(upstream), 1)
})

test('pages survive a restart, and need no upstream while they are fresh', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const before = await openProxy(t, { main: upstream })
  const etag = (await get(before, '/simple/demo/')).headers.get('etag')
  await upstream.stop()
  const after = await openProxy(t, { main: upstream }, {}, { data: before.data })
  assert.equal((await get(after, '/simple/demo/')).headers.get('etag'), etag)
})

test('a page without a tag is asked for by its date, also after a restart, but not of another url, where it may be older', async (t) => {
  const answers: number[] = []
  const serve = (file: string, modified: string): Promise<Pick<Upstream, 'url'>> =>
    openRaw(t, ({ headers }, response) => {
      const since = headers['if-modified-since']
      const isKnown = since !== undefined && Date.parse(modified) <= Date.parse(since)
      answers.push(isKnown ? 304 : 200)
      response.writeHead(isKnown ? 304 : 200, { 'content-type': 'text/html', 'last-modified': modified })
      response.end(isKnown ? undefined : `<a href="${file}#sha256=${'a'.repeat(64)}">${file}</a>`)
    })
  const first = await serve('demo-1.0.zip', 'Mon, 02 Nov 2026 00:00:00 GMT')
  const second = await serve('demo-2.0.zip', 'Sun, 01 Nov 2026 00:00:00 GMT')
  const before = await openProxy(t, { main: first as Upstream }, { freshMs: 0 })
  for (const [upstream, listed, answer] of [
    [first, 'demo-1.0.zip', 200],
    [first, 'demo-1.0.zip', 304],
    [second, 'demo-2.0.zip', 200],
  ] as const) {
    const arbor = await openProxy(t, { main: upstream as Upstream }, { freshMs: 0 }, { data: before.data })
    assert.equal((await pageOf(arbor, '/simple/demo/')).files[0]?.filename, listed)
    assert.equal(answers.pop(), answer)
  }
})

for (const missingStatus of [404, 410]) {
  test(`G1: a missing project (${missingStatus}) is 404, and believed for a short time`, async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const upstream = await openUpstream(t, [demo], { missingStatus })
    const arbor = await openProxy(t, { main: upstream })
    for (let count = 0; count < 3; count += 1) assert.equal(await statusOf(arbor, '/simple/later/'), 404)
    assert.equal(pagesAsked(upstream), 1)
    upstream.distributions.set('later', await wheelOf({ name: 'later', version: '1.0' }))
    t.mock.timers.tick(60_000)
    assert.equal(await statusOf(arbor, '/simple/later/'), 200)
  })
}

for (const insistence of [{ 'cache-control': 'no-cache' }, { 'cache-control': 'max-age=0' }, { pragma: 'no-cache' }]) {
  test(`D5: ${JSON.stringify(insistence)} asks upstream, but not for what was confirmed a moment ago`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    const arbor = await openProxy(t, { main: upstream }, { freshMs: 600_000 })
    await pageOf(arbor, '/simple/demo/')
    await Promise.all(Array.from({ length: 10 }, () => pageOf(arbor, '/simple/demo/', insistence)))
    assert.equal(pagesAsked(upstream), 1)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10_000 })
    await Promise.all(Array.from({ length: 10 }, () => pageOf(arbor, '/simple/demo/', insistence)))
    await pageOf(arbor, '/simple/demo/')
    assert.equal(pagesAsked(upstream), 2)
  })
}

test('B7: a yank is seen at the next refresh, and so is its end', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const wheel = await wheelOf(demo)
  for (const yanked of [false, 'it is broken', true, false]) {
    upstream.distributions.set(filename, { ...wheel, yanked })
    assert.equal((await pageOf(arbor, '/simple/demo/')).files[0]?.yanked, yanked)
  }
})

async function withdraw(t: TestContext, keepRemoved: boolean): Promise<number[]> {
  const other = { ...demo, version: '2.0' }
  const upstream = await openUpstream(t, [demo, other])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0, keepRemoved })
  const path = await store(arbor)
  upstream.distributions.delete(filename)
  await pageOf(arbor, '/simple/demo/')
  return [await statusOf(arbor, path), await statusOf(arbor, `${path}.metadata`)]
}

test('E16: a file that its index removed is 404 from the next refresh on, though it is stored', async (t) => {
  assert.deepEqual(await withdraw(t, false), [404, 404])
})

test('E16: unless it is configured to be kept', async (t) => {
  assert.equal((await withdraw(t, true))[0], 200)
})

test('E16: the files of a project that is gone are gone, also after a restart', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const path = await store(arbor)
  upstream.distributions.clear()
  assert.equal(await statusOf(arbor, '/simple/demo/'), 404)
  assert.equal(await statusOf(arbor, path), 404)
  const again = await openProxy(t, { main: upstream }, { freshMs: 0 }, { data: arbor.data })
  assert.equal(await statusOf(again, path), 404)
  await upstream.stop()
  assert.equal(await statusOf(again, path), 404, 'nobody says that it is back')
  const offline = await openProxy(t, { main: upstream }, { mode: 'offline' }, { data: arbor.data })
  assert.equal(await statusOf(offline, path), 404)
})

test('E16: who asks only for files causes the refresh too, and does not wait for it', async (t) => {
  const upstream = await openUpstream(t, [demo, { ...demo, version: '2.0' }])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const path = await store(arbor)
  upstream.distributions.delete(filename)
  await until(async () => (await statusOf(arbor, path)) === 404)
})

test('E16: also where the page is not in memory: after a restart, or since it is too large', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const before = await openProxy(t, { main: upstream })
  const path = await store(before)
  for (const pagesBytes of [1 << 20, 1]) {
    const adjust = (config: Config): Config => ({ ...config, memory: { ...config.memory, pagesBytes } })
    const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 }, { data: before.data, adjust })
    const asked = pagesAsked(upstream)
    assert.equal(await statusOf(arbor, path), 200)
    await until(async () => pagesAsked(upstream) > asked)
  }
})

test('B14: of a quarantined project nothing is served', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const path = await store(arbor)
  const page = await (
    await fetch(`${upstream.url}demo/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
  ).text()
  upstream.rawPages.set('demo', {
    contentType: 'application/vnd.pypi.simple.v1+json',
    body: page.replace('"status":"active"', '"status":"quarantined"'),
  })
  assert.deepEqual((await pageOf(arbor, '/simple/demo/')).files, [])
  assert.deepEqual([await statusOf(arbor, path), await statusOf(arbor, `${path}.metadata`)], [404, 404])
})

test('a stored file is served while upstream is down, and costs no request', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  const path = await store(arbor)
  const asked = upstream.requests.length
  assert.equal(await statusOf(arbor, path), 200)
  await upstream.stop()
  assert.equal(await statusOf(arbor, path), 200)
  assert.equal(upstream.requests.length, asked)
})

test('a file URL from a lock file works after the store was wiped', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const path = await store(await openProxy(t, { main: upstream }))
  const wiped = await openProxy(t, { main: upstream })
  assert.equal(await statusOf(wiped, path), 200)
})

test('D8: upstream is asked again though the clock was set back after it failed', async (t) => {
  const upstream = await openUpstream(t, [{ name: 'demo', version: '1' }])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  await get(arbor, '/simple/demo/')
  let now = Date.now() + 3_600_000
  t.mock.method(Date, 'now', () => now)
  upstream.quirks.pageStatus = 403
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  upstream.quirks.pageStatus = undefined
  const asked = upstream.requests.length
  now -= 3_600_000
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(upstream.requests.length, asked + 1)
})
