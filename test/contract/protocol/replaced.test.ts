import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeWheel, wheelMetadata } from '../../support/zip-writer.ts'
import { get, openProxy, openUpstream, pageOf, pagesAsked, statusOf, until, wheelOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/data.bin': randomBytes(400_000) } }
const other = { ...demo, metadata: ['Requires-Dist: other'], files: { 'demo/data.bin': randomBytes(500_000) } }
const filename = 'demo-1.0-py3-none-any.whl'

test('E14, F1: what was read of a wheel by ranges is not taken for that of another one at the same URL', async (t) => {
  const upstream = await openUpstream(t, [demo], { metadata: 'unlisted', htmlOnly: true })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const [before] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await (await get(arbor, `${before?.url}.metadata`)).text(), wheelMetadata(demo))
  const wheel = makeWheel(other)
  upstream.distributions.set(filename, await wheelOf(other))
  const [after] = (await pageOf(arbor, '/simple/demo/')).files
  const head = await fetch(after!.url, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), String(wheel.length))
  const tail = await (await get(arbor, after!.url, { range: `bytes=${wheel.length - 9}-${wheel.length - 1}` })).bytes()
  assert.deepEqual(Buffer.from(tail), wheel.subarray(-9))
  assert.equal(await (await get(arbor, `${after?.url}.metadata`)).text(), wheelMetadata(other))
})

test('F1: what was read of a wheel by ranges is dropped once it turns out that upstream had another one there', async (t) => {
  const upstream = await openUpstream(t, [demo], { metadata: 'unlisted' })
  const { sha256 } = await wheelOf(other)
  const body = `<a href="/packages/${filename}#sha256=${sha256}">${filename}</a>`
  upstream.rawPages.set('demo', { contentType: 'text/html', body })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 600_000 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.equal(await (await get(arbor, `${url}.metadata`)).text(), wheelMetadata(demo), 'there is nothing to tell by')
  await assert.rejects(statusOf(arbor, url), 'the download breaks off')
  upstream.distributions.set(filename, await wheelOf(other))
  await until(async () => (await (await get(arbor, `${url}.metadata`)).text()) === wheelMetadata(other))
})

test('F1: but not what another index says of it', async (t) => {
  const one = await openUpstream(t, [demo])
  const two = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { one, two }, { freshMs: 600_000 })
  const { url } = (await pageOf(arbor, '/one/simple/demo/')).files[0]!
  assert.equal(await statusOf(arbor, `${url}.metadata`), 200)
  const missing = (await pageOf(arbor, '/two/simple/demo/')).files[0]!.url
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10_000 })
  for (const upstream of [one, two]) upstream.distributions.clear()
  assert.equal(await statusOf(arbor, missing), 404)
  await until(async () => (await statusOf(arbor, '/two/simple/demo/')) === 404)
  assert.equal(await statusOf(arbor, `${url}.metadata`), 200)
})

test('E14: a page that lists a file that upstream has replaced is asked for again before its time', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 600_000 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10_000 })
  upstream.distributions.set(filename, await wheelOf(other))
  assert.equal(await statusOf(arbor, url), 502)
  await until(async () => (await pageOf(arbor, '/simple/demo/')).files[0]!.url !== url)
  const again = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.deepEqual(Buffer.from(await (await get(arbor, again.url)).bytes()), makeWheel(other))
  assert.equal(pagesAsked(upstream), 2)
})

test('E16: so is one that lists a file that upstream has removed', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 600_000 })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10_000 })
  upstream.distributions.clear()
  assert.equal(await statusOf(arbor, url), 404)
  await until(async () => (await statusOf(arbor, '/simple/demo/')) === 404)
  assert.equal(pagesAsked(upstream), 2)
})
