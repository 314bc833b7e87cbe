import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Upstream } from '../../../server/upstream.ts'

const { signal } = new AbortController()

async function openHost(
  t: TestContext,
  answer: RequestListener,
  { pageTimeoutMs = 20_000 } = {},
): Promise<{ upstream: Upstream; url: string }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const upstream = new Upstream({
    connectTimeoutMs: 2000,
    headersTimeoutMs: 2000,
    idleTimeoutMs: 2000,
    pageMaxBytes: 10_000,
    pageTimeoutMs,
    userAgent: 'arbor-test',
  })
  t.after(async () => {
    await upstream.close()
    server.closeAllConnections()
    server.close()
  })
  return { upstream, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/demo/` }
}

const drop: RequestListener = (_request, response) => {
  const dropping = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(dropping))
}

test('H10: a page that comes by drops ends with the time for all of it', async (t) => {
  const { upstream, url } = await openHost(t, drop, { pageTimeoutMs: 300 })
  await assert.rejects(upstream.fetchPage({ url }, {}, signal), { code: 'ERR_UPSTREAM_TIMEOUT' })
})

test('H10: one that grows when it is unpacked is too large all the same', async (t) => {
  const { upstream, url } = await openHost(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000)))
  })
  await assert.rejects(upstream.fetchPage({ url }, {}, signal), { code: 'ERR_UPSTREAM_PAGE', message: /larger than/ })
})

test('a coding may be written in capitals (RFC 9110 §8.4.1)', async (t) => {
  const { upstream, url } = await openHost(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'GZIP' }).end(gzipSync('<html>'))
  })
  assert.equal(Buffer.from((await upstream.fetchPage({ url }, {}, signal)).body).toString(), '<html>')
})

for (const [what, coding] of [
  ['a coding that was not asked for', 'br'],
  ['no gzip', 'gzip'],
] as const) {
  test(`${what} is no page`, async (t) => {
    const { upstream, url } = await openHost(t, (_request, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end('<html>')
    })
    await assert.rejects(upstream.fetchPage({ url }, {}, signal), { code: 'ERR_UPSTREAM_PAGE' })
  })
}

test('H9: a redirect leads to http(s) only, and not in a circle', async (t) => {
  const { upstream, url } = await openHost(t, (request, response) => {
    const location = request.url === '/simple/demo/' ? request.url : 'file:///etc/passwd'
    response.writeHead(302, { location }).end()
  })
  await assert.rejects(upstream.fetchPage({ url }, {}, signal), { message: /redirects more than 5 times/ })
  const elsewhere = { url: new URL('/x', url).href, redirectHosts: 'any' } as const
  await assert.rejects(upstream.openFile(elsewhere, undefined, signal), { message: /no http\(s\) URL/ })
})

test('H4: what is wrong is told without the URL’s query and password', async (t) => {
  const { upstream, url } = await openHost(t, (_request, response) => response.destroy())
  const secret = new URL('/x.whl?signature=hunter2', url.replace('://', '://me:hunter2@')).href
  await assert.rejects(upstream.openFile({ url: secret }, undefined, signal), (error: Error) => {
    assert.doesNotMatch(error.message, /hunter2/)
    return true
  })
})
