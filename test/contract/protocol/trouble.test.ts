import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { InProcessArbor } from '../../support/in-process.ts'
import type { Upstream } from '../../support/upstream.ts'
import type { Config } from '../../../server/config.ts'
import { get, openProxy, openUpstream, statusOf, until } from './proxy.ts'

const recipes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, version: '1.0' }))

const retrying = {
  adjust: (config: Config): Config => ({ ...config, upstream: { ...config.upstream, retries: 3 } }),
}

/** Arbor that knows page `f`, no longer fresh, and an index that has failed for five others. */
async function openTrouble(t: TestContext): Promise<{ arbor: InProcessArbor; upstream: Upstream }> {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 1000 })
  assert.equal(await statusOf(arbor, '/simple/f/'), 200)
  upstream.quirks.pageStatus = 500
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    t.mock.timers.tick(1000)
    assert.equal(await statusOf(arbor, `/simple/${name}/`), 502)
  }
  return { arbor, upstream }
}

test('an upstream in trouble is not asked for a while: 503 and when to come back, or the page as it was', async (t) => {
  const { arbor, upstream } = await openTrouble(t)
  const asked = upstream.requests.length
  const response = await get(arbor, '/simple/a/')
  assert.equal(response.status, 503)
  assert.match(response.headers.get('retry-after') ?? '', /^[23]$/)
  assert.match(await response.text(), /since it failed 5 times \(status 500\).*ERR_UPSTREAM_DOWN/)
  const { upstreams = {} } = await arbor.stats()
  const condition = upstreams[new URL(upstream.url).origin]
  assert.match(JSON.stringify(condition), /^\{"state":"open","failures":5,"openUntil":"[^"]+Z"\}$/)
  assert.equal(await statusOf(arbor, '/simple/f/'), 200)
  assert.equal(upstream.requests.length, asked)
})

test('once it is well again, the first who asks finds that out', async (t) => {
  const { arbor, upstream } = await openTrouble(t)
  upstream.quirks.pageStatus = undefined
  assert.equal(await statusOf(arbor, '/simple/a/'), 503)
  t.mock.timers.tick(3000)
  assert.equal(await statusOf(arbor, '/simple/a/'), 200)
  assert.equal(await statusOf(arbor, '/simple/b/'), 200)
  const told = arbor.log.filter(({ msg }) => typeof msg === 'string' && msg.startsWith('upstream is'))
  assert.deepEqual(
    told.map(({ level }) => level),
    ['warn', 'info'],
  )
})

test('files of it that are stored are served; the others fail at once', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream })
  const files = await Promise.all(
    recipes.map(({ name }) => arbor.locate(name, `${name}-1.0-py3-none-any.whl`).then(({ path }) => path)),
  )
  const [stored = '', ...others] = files
  assert.equal(await statusOf(arbor, stored), 200)
  upstream.quirks.fileStatus = 503
  for (const path of others) {
    t.mock.timers.tick(1000)
    assert.equal(await statusOf(arbor, path), 502)
  }
  assert.equal(await statusOf(arbor, others[0]!), 503)
  assert.equal(await statusOf(arbor, stored), 200)
})

for (const status of [429, 503]) {
  test(`G5: ${status} with a long Retry-After is passed on, up to a minute, and nobody asks that upstream meanwhile; old pages are served`, async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const upstream = await openUpstream(t, recipes)
    const arbor = await openProxy(t, { main: upstream }, { freshMs: 1000 }, retrying)
    assert.equal(await statusOf(arbor, '/simple/f/'), 200)
    Object.assign(upstream.quirks, { pageStatus: status, retryAfter: '1000000' })
    t.mock.timers.tick(1000)
    const told = await get(arbor, '/simple/a/')
    assert.deepEqual([told.status, told.headers.get('retry-after')], [503, '60'])
    const asked = upstream.requests.length
    assert.equal(asked, 2, 'nor is it asked again for the same')
    t.mock.timers.tick(20_000)
    const other = await get(arbor, '/simple/b/')
    assert.deepEqual([other.status, other.headers.get('retry-after')], [503, '40'])
    assert.match(await other.text(), /wants to be left alone \(status \d+\).*ERR_UPSTREAM_BUSY/)
    assert.equal(await statusOf(arbor, '/simple/f/'), 200)
    assert.equal(upstream.requests.length, asked)
    t.mock.timers.tick(40_000)
    assert.equal((await get(arbor, '/simple/b/')).headers.get('retry-after'), '60', 'one asks, and is told the same')
    assert.equal(await statusOf(arbor, '/simple/c/'), 503)
    assert.equal(upstream.requests.length, asked + 1)
    upstream.quirks.pageStatus = undefined
    t.mock.timers.tick(60_000)
    assert.equal(await statusOf(arbor, '/simple/b/'), 200)
  })
}

test('G11: a short Retry-After is waited for', async (t) => {
  const upstream = await openUpstream(t, recipes, { pageStatus: 429, retryAfter: '1' })
  const arbor = await openProxy(t, { main: upstream }, {}, retrying)
  const asking = statusOf(arbor, '/simple/a/')
  await until(() => Promise.resolve(upstream.requests.length > 0))
  upstream.quirks.pageStatus = undefined
  assert.equal(await asking, 200)
  assert.equal(upstream.requests.length, 2)
})

test('a page that fails alone does not keep the others from being asked for', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const upstream = await openUpstream(t, recipes, { missingStatus: 403 })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 1000 })
  assert.equal(await statusOf(arbor, '/simple/a/'), 200)
  t.mock.timers.tick(1000)
  assert.equal(await statusOf(arbor, '/simple/nothing/'), 502)
  upstream.distributions.delete('a-1.0-py3-none-any.whl')
  upstream.quirks.missingStatus = 404
  assert.equal(await statusOf(arbor, '/simple/a/'), 404)
})

test('G3: 304 from an upstream that was asked for no such thing is 502, never 404', async (t) => {
  const upstream = await openUpstream(t, recipes, { pageStatus: 304 })
  assert.equal(await statusOf(await openProxy(t, { main: upstream }), '/simple/a/'), 502)
})
