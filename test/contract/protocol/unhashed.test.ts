import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { InProcessArbor } from '../../support/in-process.ts'
import type { Upstream } from '../../support/upstream.ts'
import { makeWheel, wheelMetadata } from '../../support/zip-writer.ts'
import {
  get,
  JSON_TYPE,
  openProxy,
  openRaw,
  openUpstream,
  pageOf,
  proxyFor,
  statusOf,
  until,
  wheelOf,
} from './proxy.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/__init__.py': 'one' } }
const filename = 'demo-1.0-py3-none-any.whl'

function downloads({ requests }: Upstream): number {
  return requests.filter(({ path, status, headers }) => path.endsWith('.whl') && status === 200 && !headers.range)
    .length
}

/** Stored, and bound to its URL: the one follows the other. */
async function isLanded(arbor: InProcessArbor): Promise<boolean> {
  const { store, downloads: flights } = await arbor.stats()
  return store?.['distributions'] === 1 && flights?.['running'] === 0
}

test('E17: a file without a hash is fetched once, and not called immutable', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream })
  const file = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.deepEqual(file.hashes, {})
  const first = await get(arbor, file.url)
  assert.doesNotMatch(first.headers.get('cache-control') ?? '', /immutable/)
  const bytes = Buffer.from(await first.arrayBuffer())
  await until(() => isLanded(arbor))
  const second = await get(arbor, file.url)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  assert.equal(second.headers.get('etag'), `"sha256:${sha256}"`)
  assert.deepEqual(Buffer.from(await second.arrayBuffer()), bytes)
  assert.equal(downloads(upstream), 1)
})

test('E17: one that upstream overwrote is fetched again, once what we know is not fresh', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  const before = Buffer.from(await (await get(arbor, url)).arrayBuffer())
  await until(() => isLanded(arbor))
  assert.equal(await statusOf(arbor, url), 200)
  assert.equal(downloads(upstream), 1)
  upstream.distributions.set(filename, await wheelOf({ ...demo, files: { 'demo/__init__.py': 'two' } }))
  const after = Buffer.from(await (await get(arbor, url)).arrayBuffer())
  assert.notDeepEqual(after, before)
  assert.equal(downloads(upstream), 2)
})

test('E17: who asks for what the page lists by now does not get a download of what it listed before', async (t) => {
  const upstream = await openUpstream(t, [demo], { taggedFiles: false, hangAt: 100, faultyResponses: 1 })
  const list = (bytes: Buffer): void => {
    const md5 = createHash('md5').update(bytes).digest('hex')
    const file = { filename, url: new URL(`/packages/${filename}`, upstream.url).href, hashes: { md5 } }
    const page = { meta: {}, name: 'demo', files: [file] }
    upstream.rawPages.set('demo', { contentType: JSON_TYPE, body: JSON.stringify(page) })
  }
  list(makeWheel(demo))
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  const leaving = new AbortController()
  await fetch(url, { signal: leaving.signal })
  const other = { ...demo, files: { 'demo/__init__.py': 'two' } }
  upstream.distributions.set(filename, await wheelOf(other))
  list(makeWheel(other))
  const got = Buffer.from(await (await get(arbor, url)).arrayBuffer())
  leaving.abort()
  assert.deepEqual(got, makeWheel(other))
})

test('E17: one that is stored is served while upstream is down', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  await (await get(arbor, url)).arrayBuffer()
  await until(() => isLanded(arbor))
  await upstream.stop()
  assert.equal(await statusOf(arbor, url), 200)
})

for (const status of [401, 403, 429, 503]) {
  test(`E17: or refuses to answer (${status}), and is asked again then`, async (t) => {
    const upstream = await openUpstream(t, [demo], { noHashes: true })
    const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
    const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
    await (await get(arbor, url)).arrayBuffer()
    await until(() => isLanded(arbor))
    upstream.quirks.fileStatus = status
    assert.equal(await statusOf(arbor, url), 200)
    upstream.quirks.fileStatus = undefined
    assert.equal(await statusOf(arbor, url), 200)
    assert.equal(downloads(upstream), 1)
  })
}

test('E17: but not one that upstream has no more', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0, notFoundStatuses: [403] })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  await (await get(arbor, url)).arrayBuffer()
  await until(() => isLanded(arbor))
  upstream.quirks.fileStatus = 403
  assert.equal(await statusOf(arbor, url), 404)
})

test('E17: what was stored is served after a restart with upstream down, with its metadata', async (whole) => {
  const data = await mkdtemp(join(tmpdir(), 'arbor-unhashed-'))
  whole.after(() => rm(data, { recursive: true }))
  const upstream = await openUpstream(whole, [demo], { noHashes: true })
  const path = `/files/main/unhashed/${filename}`
  await whole.test('it is stored', async (t) => {
    const arbor = await openProxy(t, { main: upstream }, {}, { data })
    await pageOf(arbor, '/simple/demo/')
    await (await get(arbor, path)).arrayBuffer()
    await until(() => isLanded(arbor))
  })
  await upstream.stop()
  for (const settings of [{}, { freshMs: 0 }, { mode: 'offline' as const }]) {
    await whole.test(`it is served: ${JSON.stringify(settings)}`, async (t) => {
      const arbor = await openProxy(t, { main: upstream }, settings, { data })
      const response = await get(arbor, path)
      assert.equal(response.headers.get('etag'), `"sha256:${upstream.distributions.get(filename)?.sha256}"`)
      assert.equal((await response.arrayBuffer()).byteLength, upstream.distributions.get(filename)?.size)
      assert.equal(await (await get(arbor, `${path}.metadata`)).text(), wheelMetadata(demo))
    })
  }
})

test('E15, E17: many who ask for such a file at once cause one download, and one question', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  await Promise.all(Array.from({ length: 20 }, async () => (await get(arbor, url)).arrayBuffer()))
  assert.equal(upstream.requests.filter(({ path }) => path.endsWith('.whl')).length, 2)
})

for (const [what, spoil] of [
  ['the right', ''],
  ['a wrong', '0'],
] as const) {
  test(`E14, C4: an index that lists MD5 only is held to it: ${what} one`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    const source = await upstream.distributions.get(filename)!.open()
    const md5 = createHash('md5')
      .update(await source.read(0, 1 << 20))
      .digest('hex')
    const listed = spoil === '' ? md5 : md5.replace(/./, (digit) => (digit === spoil ? '1' : spoil))
    const url = new URL(`/packages/${filename}`, upstream.url).href
    const body = JSON.stringify({ meta: {}, name: 'demo', files: [{ filename, url, hashes: { md5: listed } }] })
    upstream.rawPages.set('demo', { contentType: JSON_TYPE, body })
    const arbor = await openProxy(t, { main: upstream })
    const file = (await pageOf(arbor, '/simple/demo/')).files[0]!
    assert.deepEqual(file.hashes, { md5: listed })
    const whole = get(arbor, file.url).then((response) => response.arrayBuffer())
    if (spoil === '') assert.ok((await whole).byteLength > 0)
    else await assert.rejects(whole)
  })
}

test('E17: a file without a hash is that of the page that lists it, also where its name could be that of another project', async (t) => {
  const { url } = await openRaw(t, ({ url: path = '' }, response) => {
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1]
    if (project === undefined) return response.end(`bytes of ${path}`)
    const file = { filename: 'foo-1.0-1.tar.gz', url: `/of-${project}/foo-1.0-1.tar.gz`, hashes: {} }
    return response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files: [file] }))
  })
  const arbor = await proxyFor(t, url)
  for (const project of ['foo', 'foo-1-0']) {
    const [file] = (await pageOf(arbor, `/simple/${project}/`)).files
    assert.equal(await (await get(arbor, String(file?.url))).text(), `bytes of /of-${project}/foo-1.0-1.tar.gz`)
  }
})
