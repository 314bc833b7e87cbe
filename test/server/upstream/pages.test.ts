import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Upstream } from '../../../server/upstream.ts'
import { upstreamOptions } from '../../support/upstream-options.ts'

const { signal } = new AbortController()

async function openHost(
  t: TestContext,
  answer: RequestListener,
  { pageTimeoutMs = 20_000, pageMaxBytes = 10_000 } = {},
): Promise<{ upstream: Upstream; url: string }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const upstream = new Upstream({ ...upstreamOptions, pageMaxBytes, pageTimeoutMs })
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

for (const [what, status, headers, bytes, isLarge] of [
  ['many files', 200, {}, 300_000, true],
  ['few', 200, {}, 100_000, false],
  ['many, compressed', 200, { 'content-encoding': 'gzip' }, 100_000, true],
  ['an error of many words', 500, {}, 300_000, false],
] as const) {
  test(`whether a page is large is told while it comes: ${what}`, async (t) => {
    const whole = Promise.withResolvers<void>()
    const content = randomBytes(bytes)
    const body = 'content-encoding' in headers ? gzipSync(content) : content
    const { upstream, url } = await openHost(
      t,
      (_request, response) => {
        response.writeHead(status, { ...headers, 'content-length': body.length }).write(body.subarray(0, 1000))
        void whole.promise.then(() => response.end(body.subarray(1000)))
      },
      { pageMaxBytes: 1_000_000 },
    )
    let told = 0
    const onLarge = (): void => {
      told += 1
      whole.resolve()
    }
    // By the length that is announced, where there is one to tell.
    if (!isLarge) whole.resolve()
    const page = await upstream.fetchPage({ url, onLarge }, {}, signal)
    assert.equal(page.body.length, bytes)
    assert.equal(told, isLarge ? 1 : 0)
  })
}

test('a large page whose length nobody announces is told of once so much of it came', async (t) => {
  const { upstream, url } = await openHost(
    t,
    (_request, response) => {
      response.write(Buffer.alloc(200_000))
      response.end(Buffer.alloc(200_000))
    },
    { pageMaxBytes: 1_000_000 },
  )
  let told = 0
  await upstream.fetchPage({ url, onLarge: () => (told += 1) }, {}, signal)
  assert.equal(told, 1)
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
