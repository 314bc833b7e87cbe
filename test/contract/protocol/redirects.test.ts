import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wheelMetadata } from '../../support/zip-writer.ts'
import { get, JSON_TYPE, openProxy, openUpstream, pageOf, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }

test('H9: a file that redirects to a host that is not allowed is refused, and that host is not asked', async (t) => {
  const upstream = await openUpstream(t, [demo], { redirectFiles: true })
  const arbor = await openProxy(t, { main: upstream }, { allowedFileHosts: ['files.example'] })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  const response = await get(arbor, file!.url)
  assert.equal(response.status, 502)
  assert.match(await response.text(), /ERR_UPSTREAM_REFUSED.*redirects to another host/)
  assert.equal(await statusOf(arbor, `${file!.url}.metadata`), 502)
  assert.ok(!upstream.requests.some(({ port }) => port === 'files'))
})

test('H9, E19: to one that is allowed it is followed, and the client is not sent there', async (t) => {
  const upstream = await openUpstream(t, [demo], { redirectFiles: true })
  const probe = await fetch(new URL('/packages/demo-1.0-py3-none-any.whl', upstream.url), { redirect: 'manual' })
  const { host } = new URL(probe.headers.get('location') ?? '')
  const arbor = await openProxy(t, { main: upstream }, { allowedFileHosts: [host] })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 200)
})

test('H5 is for pages: metadata may come from where its file comes from, without credentials', async (t) => {
  const upstream = await openUpstream(t, [demo], { redirectFiles: true })
  const arbor = await openProxy(t, { main: upstream }, { credentials: { username: 'me', password: 'hunter2' } })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await (await get(arbor, `${file!.url}.metadata`)).text(), wheelMetadata(demo))
  const elsewhere = upstream.requests.filter(({ port }) => port === 'files')
  assert.equal(elsewhere.length, 1)
  assert.equal(elsewhere[0]?.headers.authorization, undefined)
})

for (const url of [
  'http://169.254.169.254/latest/meta-data/demo-1.0-py3-none-any.whl',
  'http://[::ffff:169.254.169.254]/demo-1.0-py3-none-any.whl',
  'http://0xa9fea9fe/demo-1.0-py3-none-any.whl',
]) {
  test(`H9: a file at ${url} is not fetched, and none of its parts`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    const body = JSON.stringify({
      meta: { 'api-version': '1.0' },
      name: 'demo',
      files: [{ filename: 'demo-1.0-py3-none-any.whl', url, hashes: { sha256: '0'.repeat(64) } }],
    })
    upstream.rawPages.set('demo', { contentType: JSON_TYPE, body })
    const arbor = await openProxy(t, { main: upstream })
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    const response = await get(arbor, file!.url)
    assert.equal(response.status, 502)
    assert.match(await response.text(), /own link/)
    assert.equal(file?.['core-metadata'], undefined)
  })
}
