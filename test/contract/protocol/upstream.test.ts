import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../../server/config.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, JSON_TYPE, openProxy, openRaw, openUpstream, pageOf, proxyFor, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }

for (const [status, expected] of [
  [401, 502],
  [403, 502],
  [500, 502],
  [503, 502],
  [429, 503],
] as const) {
  test(`G3: ${status} from upstream is ${expected}, never 404`, async (t) => {
    const upstream = await openUpstream(t, [demo], { pageStatus: status })
    const response = await get(await openProxy(t, { main: upstream }), '/simple/demo/')
    assert.equal(response.status, expected)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    // What whoever runs us can do about it.
    assert.equal(/credentials/.test(await response.text()), status === 401 || status === 403)
  })
}

for (const [what, body] of [
  ['broken JSON', '{"files": ['],
  ['an object store’s error', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
  ['another major version', '{"meta":{"api-version":"2.0"},"files":[]}'],
] as const) {
  test(`G3: ${what} instead of a page is 502`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    upstream.rawPages.set('demo', { contentType: JSON_TYPE, body })
    assert.equal(await statusOf(await openProxy(t, { main: upstream }), '/simple/demo/'), 502)
  })
}

test('G11: an upstream that fails for a moment is asked again', async (t) => {
  let failures = 2
  const upstream = await openRaw(t, (_request, response) => {
    if (failures-- > 0) response.writeHead(500).end()
    else
      response
        .writeHead(200, { 'content-type': JSON_TYPE })
        .end('{"meta":{"api-version":"1.0"},"name":"demo","files":[]}')
  })
  const arbor = await openProxy(
    t,
    { main: upstream as unknown as Upstream },
    {},
    { adjust: (config) => ({ ...config, upstream: { ...config.upstream, retries: 3 } }) },
  )
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(upstream.asked.length, 3)
})

test('H5: a page from another host is refused', async (t) => {
  const elsewhere = await openUpstream(t, [demo])
  const upstream = await openRaw(t, (request, response) => {
    response.writeHead(302, { location: new URL(request.url ?? '', elsewhere.url).href }).end()
  })
  assert.equal(await statusOf(await proxyFor(t, upstream.url), '/simple/demo/'), 502)
  assert.equal(elsewhere.requests.length, 0)
})

for (const credentials of [{ username: 'me', password: 'hunter2' }, { token: 'hunter2' }]) {
  const [kind] = Object.keys(credentials)
  test(`H4, G9: credentials (${kind}) go to the index's own origin and nowhere else, and a client's own stay here`, async (t) => {
    const upstream = await openUpstream(t, [demo], { filesElsewhere: true })
    const arbor = await openProxy(t, { main: upstream }, { credentials })
    const [file] = (await pageOf(arbor, '/simple/demo/', { authorization: 'Basic Y2xpZW50OnB3' })).files
    assert.equal(await statusOf(arbor, file!.url, { authorization: 'Basic Y2xpZW50OnB3' }), 200)
    const expected = 'token' in credentials ? 'Bearer hunter2' : `Basic ${btoa('me:hunter2')}`
    for (const { port, headers } of upstream.requests) {
      assert.equal(headers.authorization, port === 'index' ? expected : undefined)
    }
    assert.ok(upstream.requests.some(({ port }) => port === 'files'))
    assert.doesNotMatch(JSON.stringify(arbor.log), /hunter2/)
  })
}

test('H4: credentials do not follow a redirect to another origin', async (t) => {
  const upstream = await openUpstream(t, [demo], { redirectFiles: true })
  const arbor = await openProxy(t, { main: upstream }, { credentials: { username: 'me', password: 'hunter2' } })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 200)
  for (const { port, headers } of upstream.requests) assert.equal(headers.authorization !== undefined, port === 'index')
})

test('H3: file bodies are asked for as they are, H8: by a client that says who it is', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url, { 'accept-encoding': 'gzip' }), 200)
  const request = upstream.requests.findLast(({ path }) => path.endsWith('.whl'))
  assert.equal(request?.headers['accept-encoding'], 'identity')
  assert.match(request?.headers['user-agent'] ?? '', /^arbor\/[\w.-]+$/)
})

test('H8: whom to turn to about us, where that is set, stands in every request, for pages and for files', async (t) => {
  const upstream = await openUpstream(t, [demo], { filesElsewhere: true })
  const contact = 'https://example.org/who?is=this'
  const adjust = (config: Config): Config => ({ ...config, upstream: { ...config.upstream, contact } })
  const arbor = await openProxy(t, { main: upstream }, {}, { adjust })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 200)
  assert.deepEqual(new Set(upstream.requests.map(({ port }) => port)), new Set(['index', 'files']))
  for (const { headers } of upstream.requests) {
    assert.match(headers['user-agent'] ?? '', /^arbor\/[\w.-]+ \(\+https:\/\/example\.org\/who\?is=this\)$/)
  }
})

test('H9: files are fetched from allowed hosts only, where they are listed', async (t) => {
  const upstream = await openUpstream(t, [demo], { filesElsewhere: true })
  const arbor = await openProxy(t, { main: upstream }, { allowedFileHosts: ['files.example'] })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 502)
  assert.ok(!upstream.requests.some(({ port }) => port === 'files'))
})

test('H10: a page has a limit', async (t) => {
  const upstream = await openRaw(t, (_request, response) => response.end(`<html>${'x'.repeat(100_000)}`))
  const arbor = await openProxy(
    t,
    { main: upstream as unknown as Upstream },
    {},
    { adjust: (config) => ({ ...config, upstream: { ...config.upstream, pageMaxBytes: 50_000 } }) },
  )
  assert.equal(await statusOf(arbor, '/simple/demo/'), 502)
})

for (const links of ['absolute', 'relative', 'root-relative', 'base'] as const) {
  for (const htmlOnly of [false, true]) {
    test(`H1, H2: ${links} links, ${htmlOnly ? 'HTML only' : 'JSON'}: the page's files can be had`, async (t) => {
      const upstream = await openUpstream(t, [demo], { links, htmlOnly })
      const arbor = await openProxy(t, { main: upstream })
      const page = await pageOf(arbor, '/simple/demo/')
      // HTML has no sizes, which 1.1 and later demand (B1, B5).
      assert.equal(page.meta['api-version'], htmlOnly ? '1.0' : '1.4')
      assert.equal(await statusOf(arbor, page.files[0]!.url), 200)
    })
  }
}

test('D9, B15: PyPI’s serial number comes through', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [demo]) })
  const response = await get(arbor, '/simple/demo/')
  assert.equal(response.headers.get('x-pypi-last-serial'), '1')
})

for (const path of ['/simple/', '/legacy/', '/main/legacy/', '/']) {
  test(`A16, J1: an upload to ${path} is 405, and told where to`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    const arbor = await openProxy(t, { main: upstream }, { uploadUrl: 'https://upload.example/legacy/' })
    const response = await fetch(new URL(path, arbor.url), { method: 'POST', body: 'x' })
    assert.equal(response.status, 405)
    assert.equal(response.headers.get('allow'), 'GET, HEAD, OPTIONS')
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.match(
      ((await response.json()) as { detail: string }).detail,
      /Upload to https:\/\/upload\.example\/legacy\//,
    )
  })
}

test('A14: dot segments are no way around', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  const { ask } = await import('../../support/raw-http.ts')
  for (const path of ['/simple/%2e%2e/', '/simple/../', '/simple/x/../../health', '/simple/.%2E/', '/./']) {
    assert.equal((await ask(arbor.url, path)).status, 404, path)
  }
  assert.equal((await ask(arbor.url, '/simple/demo/?x=/../')).status, 200)
  assert.ok(upstream.requests.every(({ path }) => path.startsWith('/simple/demo/') || path.endsWith('.whl')))
})
