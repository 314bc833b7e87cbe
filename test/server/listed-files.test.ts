import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { IndexConfig } from '../../server/config/indexes.ts'
import {
  get,
  JSON_TYPE,
  openProxy,
  openUpstream,
  pageOf,
  pagesAsked,
  statusOf,
  until,
} from '../contract/protocol/proxy.ts'
import type { InProcessArbor } from '../support/in-process.ts'
import { ask } from '../support/raw-http.ts'
import type { Upstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import type { Quirks } from '../support/upstream/quirks.ts'
import { makeWheel } from '../support/zip-writer.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/data.bin': Buffer.alloc(50_000, 'data') }, method: 0 }
const wheel = makeWheel(demo)
const UNKNOWN = '0'.repeat(64)

function filesAsked(...upstreams: readonly Upstream[]): readonly string[] {
  return upstreams.flatMap(({ requests }) => requests.map(({ path }) => path)).filter((path) => path.endsWith('.whl'))
}

/** An Arbor that has seen the page of one index, or of each, but no file. */
async function openSeen(
  t: TestContext,
  upstreams: Readonly<Record<string, Upstream>>,
  settings: Partial<IndexConfig> = {},
): Promise<{ readonly arbor: InProcessArbor; readonly sha256: string }> {
  const arbor = await openProxy(t, upstreams, settings)
  const pages = await Promise.all(Object.keys(upstreams).map((name) => pageOf(arbor, `/${name}/simple/demo/`)))
  return { arbor, sha256: String(pages[0]?.files[0]?.hashes['sha256']) }
}

async function open(t: TestContext, quirks: Partial<Quirks> = {}, settings: Partial<IndexConfig> = {}) {
  const upstream = await openUpstream(t, [demo], quirks)
  return { upstream, ...(await openSeen(t, { main: upstream }, settings)) }
}

for (const path of ['/wheels/', '/blobs/']) {
  test(`${path} has a wheel that is only listed, fetched once, whole and by range, as under /files`, async (t) => {
    const { arbor, upstream, sha256 } = await open(t)
    const url = `${path}sha256:${sha256}`
    const head = await ask(arbor.url, url, { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(head.headers['content-length'], String(wheel.length))
    assert.deepEqual(filesAsked(upstream), [], 'HEAD fetches nothing')
    const [whole, again, part] = await Promise.all([
      ask(arbor.url, url),
      ask(arbor.url, url),
      ask(arbor.url, url, { headers: { range: 'bytes=10-40009' } }),
    ])
    assert.deepEqual([whole.body, again.body], [wheel, wheel])
    assert.equal(part.status, 206)
    assert.deepEqual(part.body, wheel.subarray(10, 40_010))
    assert.equal(whole.headers.etag, `"sha256:${sha256}"`)
    assert.match(String(whole.headers['cache-control']), /immutable/)
    assert.equal(filesAsked(upstream).length, 1)
    assert.equal(await statusOf(arbor, `${path}sha256:${UNKNOWN}`), 404)
  })
}

test('who asks by digest follows a download that runs', async (t) => {
  const { arbor, sha256 } = await open(t, { hangAt: 20_000 })
  const part = await get(arbor, `/wheels/sha256:${sha256}`, { range: 'bytes=0-15999' })
  assert.equal((await part.arrayBuffer()).byteLength, 16_000, 'of a file whose end has not come')
  const second = await get(arbor, `/wheels/sha256:${sha256}`, { range: 'bytes=0-14999' })
  assert.equal((await second.arrayBuffer()).byteLength, 15_000)
})

test('a tree, its archive and a lookup fetch a listed wheel', async (t) => {
  for (const [path, name] of [
    ['/wheels/', '/tree'],
    ['/wheels/', '/tree.tar.gz'],
    ['/lookup/', ''],
  ]) {
    const { arbor, upstream, sha256 } = await open(t)
    const answer = await get(arbor, `${path}sha256:${sha256}${name}`)
    assert.equal(answer.status, 200, path)
    await answer.arrayBuffer()
    assert.equal(filesAsked(upstream).length, 1)
    assert.equal(await statusOf(arbor, `${path}sha256:${UNKNOWN}${name}`), 404)
    assert.equal(await statusOf(arbor, `${path}blake3:${UNKNOWN}${name}`), 404)
  }
})

test('who rather comes back is told that it is pending, until it is there', async (t) => {
  for (const path of ['/lookup/', '/wheels/']) {
    const { arbor, sha256, upstream } = await open(t)
    const url = `${path}sha256:${sha256}${path === '/wheels/' ? '/tree' : ''}`
    const prefer = { prefer: 'respond-async' }
    const first = await get(arbor, url, prefer)
    assert.equal(first.status, 202)
    assert.deepEqual(await first.json(), { state: 'pending' })
    assert.ok(first.headers.get('retry-after'))
    await until(async () => (await statusOf(arbor, url, prefer)) === 200)
    assert.equal(filesAsked(upstream).length, 1)
    assert.equal(await statusOf(arbor, url.replace(sha256, UNKNOWN), prefer), 404)
  }
})

test('who comes back is told once why it could not be had', async (t) => {
  const { arbor, sha256, upstream } = await open(t, { fileStatus: 500 })
  const url = `/wheels/sha256:${sha256}/tree`
  const prefer = { prefer: 'respond-async' }
  assert.equal(await statusOf(arbor, url, prefer), 202)
  let status = 202
  await until(async () => (status = await statusOf(arbor, url, prefer)) !== 202)
  assert.equal(status, 502)
  upstream.quirks.fileStatus = undefined
  await until(async () => (await statusOf(arbor, url, prefer)) === 200)
})

test('who waits for a fetch that somebody else began is told why it failed, not that there is no such wheel', async (t) => {
  const [one, two] = [await openUpstream(t, [demo]), await openUpstream(t, [demo])]
  const { arbor, sha256 } = await openSeen(t, { one, two })
  const url = `/wheels/sha256:${sha256}/tree`
  for (const { quirks } of [one, two]) Object.assign(quirks, { fileStatus: 500, latencyMs: 200 })
  assert.equal(await statusOf(arbor, url, { prefer: 'respond-async' }), 202)
  assert.equal(await statusOf(arbor, url), 502)
})

test('an sdist has no tree, and is not fetched for one; a lookup fetches it', async (t) => {
  const sdist = Buffer.from('no archive')
  const upstream = await openUpstream(t, [])
  upstream.distributions.set('demo-1.0.tar.gz', await distributionOf('demo-1.0.tar.gz', sdist))
  const { arbor, sha256 } = await openSeen(t, { main: upstream })
  const asked = (): number => upstream.requests.filter(({ path }) => path.endsWith('.tar.gz')).length
  for (const prefer of ['', 'respond-async']) {
    assert.equal(await statusOf(arbor, `/wheels/sha256:${sha256}/tree`, { prefer }), 404)
  }
  assert.equal(asked(), 0)
  const { wheels } = (await (await get(arbor, `/lookup/sha256:${sha256}`)).json()) as { wheels: { tree: unknown }[] }
  assert.deepEqual(wheels[0]?.tree, { state: 'none' })
  assert.equal(asked(), 1)
})

test('of several indexes the first that has it gives it; one in trouble ends neither the search nor as absence', async (t) => {
  const one = await openUpstream(t, [demo])
  const two = await openUpstream(t, [demo])
  const { arbor, sha256 } = await openSeen(t, { two, one })
  two.quirks.fileStatus = 500
  const url = `/wheels/sha256:${sha256}`
  one.quirks.fileStatus = 404
  assert.equal(await statusOf(arbor, url), 502)
  assert.equal(await statusOf(arbor, `${url}/tree`), 502)
  one.quirks.fileStatus = undefined
  assert.equal(await statusOf(arbor, url), 200)
  assert.deepEqual([filesAsked(two).length, filesAsked(one).length], [3, 3])

  const three = await openUpstream(t, [demo])
  const four = await openUpstream(t, [demo])
  const second = await openSeen(t, { four, three })
  assert.equal(await statusOf(second.arbor, url), 200)
  assert.deepEqual([filesAsked(four).length, filesAsked(three).length], [1, 0])
})

test('trouble is told as under /files: upstream down, offline, a host that is not allowed, wrong bytes', async (t) => {
  const down = await open(t)
  await down.upstream.stop()
  assert.equal(await statusOf(down.arbor, `/wheels/sha256:${down.sha256}`), 502)
  const elsewhere = await open(t, { filesElsewhere: true }, { allowedFileHosts: [] })
  for (const method of ['GET', 'HEAD']) {
    assert.equal((await ask(elsewhere.arbor.url, `/wheels/sha256:${elsewhere.sha256}`, { method })).status, 502)
  }
  const wrong = await open(t, { wrongByteAt: 5000 })
  const broken = await ask(wrong.arbor.url, `/wheels/sha256:${wrong.sha256}`)
  assert.equal(broken.complete, false)
  assert.equal(await statusOf(wrong.arbor, `/wheels/sha256:${wrong.sha256}/tree`), 502)
})

test('what its index withdrew is not fetched', async (t) => {
  const quarantined = await open(t, {}, { freshMs: 0 })
  const page = { meta: {}, name: 'demo', files: [], 'project-status': { status: 'quarantined' } }
  quarantined.upstream.rawPages.set('demo', { contentType: JSON_TYPE, body: JSON.stringify(page) })
  const removed = await open(t, {}, { freshMs: 0 })
  removed.upstream.distributions.clear()
  removed.upstream.quirks.conditionalPages = false
  for (const { arbor, sha256, upstream } of [quarantined, removed]) {
    for (const path of ['/wheels/', '/lookup/']) assert.equal(await statusOf(arbor, `${path}sha256:${sha256}`), 404)
    assert.deepEqual(filesAsked(upstream), [])
    assert.ok(pagesAsked(upstream) > 1, 'its page was asked for anew')
  }
})

test('a page that was forgotten lists nothing', async (t) => {
  const { arbor, upstream, sha256 } = await open(t)
  const response = await fetch(`${arbor.url}/admin/forget`, {
    method: 'POST',
    headers: { authorization: 'Bearer secret-for-tests' },
    body: JSON.stringify({ page: 'demo' }),
  })
  assert.equal(response.status, 200)
  assert.equal(await statusOf(arbor, `/wheels/sha256:${sha256}`), 404)
  assert.deepEqual(filesAsked(upstream), [])
})
