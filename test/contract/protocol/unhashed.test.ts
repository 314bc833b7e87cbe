import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Upstream } from '../../support/upstream.ts'
import { get, JSON_TYPE, openProxy, openUpstream, pageOf, statusOf, until, wheelOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/__init__.py': 'one' } }
const filename = 'demo-1.0-py3-none-any.whl'

function downloads({ requests }: Upstream): number {
  return requests.filter(({ path, status, headers }) => path.endsWith('.whl') && status === 200 && !headers.range)
    .length
}

test('E17: a file without a hash is fetched once, and not called immutable', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream })
  const file = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.deepEqual(file.hashes, {})
  const first = await get(arbor, file.url)
  assert.doesNotMatch(first.headers.get('cache-control') ?? '', /immutable/)
  const bytes = Buffer.from(await first.arrayBuffer())
  await until(async () => (await arbor.stats())['store']?.['distributions'] === 1)
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
  await until(async () => (await arbor.stats())['store']?.['distributions'] === 1)
  assert.equal(await statusOf(arbor, url), 200)
  assert.equal(downloads(upstream), 1)
  upstream.distributions.set(filename, await wheelOf({ ...demo, files: { 'demo/__init__.py': 'two' } }))
  const after = Buffer.from(await (await get(arbor, url)).arrayBuffer())
  assert.notDeepEqual(after, before)
  assert.equal(downloads(upstream), 2)
})

test('E17: one that is stored is served while upstream is down', async (t) => {
  const upstream = await openUpstream(t, [demo], { noHashes: true })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  await (await get(arbor, url)).arrayBuffer()
  await until(async () => (await arbor.stats())['store']?.['distributions'] === 1)
  await upstream.stop()
  assert.equal(await statusOf(arbor, url), 200)
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
