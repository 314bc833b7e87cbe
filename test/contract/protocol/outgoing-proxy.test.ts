import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Config } from '../../../server/config.ts'
import { authorityFile, startTlsHost } from '../../support/tls-host.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, JSON_TYPE, openProxy, openUpstream, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }
const PASSWORD = 'me:hunter2'

function isLetIn({ headers }: IncomingMessage): boolean {
  return headers['proxy-authorization'] === `Basic ${btoa(PASSWORD)}`
}

/** A proxy that asks for a password and, as they are set up, tunnels to what speaks TLS only; and what it was asked for. */
async function startProxy(t: TestContext, { hangs = false } = {}): Promise<{ host: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    if (!isLetIn(incoming)) return response.writeHead(407).end()
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const onward = request(incoming.url ?? '', { method: incoming.method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    onward.end()
    return undefined
  })
  server.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    if (hangs) return
    if (!isLetIn(incoming)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const [host = '', port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      onward.pipe(socket)
      socket.pipe(onward)
    })
    for (const [one, other] of [[socket, onward] as const, [onward, socket] as const]) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** An index that speaks TLS, and the setting by which its certificate is trusted. */
async function openTls(t: TestContext): Promise<{ upstream: Upstream; adjust: (config: Config) => Config }> {
  const host = await startTlsHost((_request, response) => {
    response.writeHead(200, { 'content-type': JSON_TYPE }).end('{"files":[]}')
  })
  t.after(() => host[Symbol.asyncDispose]())
  const ca = await readFile(authorityFile, 'utf8')
  const adjust = (config: Config): Config => {
    return { ...config, upstream: { ...config.upstream, ca, retries: 0, connectTimeoutMs: 300 } }
  }
  return { upstream: { url: `${host.url}/simple/` } as Upstream, adjust }
}

for (const scheme of ['http://', '']) {
  test(`an http upstream is asked through HTTP_PROXY, with ${scheme || 'no scheme'}, as proxies that tunnel for https only want it; its password is told to nobody`, async (t) => {
    const proxy = await startProxy(t)
    const upstream = await openUpstream(t, [demo])
    const arbor = await openProxy(
      t,
      { main: upstream },
      {},
      { env: { HTTP_PROXY: `${scheme}${PASSWORD}@${proxy.host}` } },
    )
    const { path } = await arbor.locate('demo', 'demo-1.0-py3-none-any.whl')
    assert.equal(await statusOf(arbor, path), 200)
    const { origin } = new URL(upstream.url)
    assert.deepEqual(
      proxy.asked.map((line) => line.replace(origin, '')),
      ['GET /simple/demo/', 'GET /packages/demo-1.0-py3-none-any.whl'],
    )
    assert.ok(upstream.requests.every(({ headers }) => headers['proxy-authorization'] === undefined))
    assert.doesNotMatch(JSON.stringify(arbor.log), /hunter2|bWU6aHVudGVyMg/)
  })
}

test('an https upstream is asked through a tunnel, and its certificate is held to ca-file', async (t) => {
  const proxy = await startProxy(t)
  const { upstream, adjust } = await openTls(t)
  const env = { HTTPS_PROXY: `http://${PASSWORD}@${proxy.host}` }
  const arbor = await openProxy(t, { main: upstream }, {}, { adjust, env })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.deepEqual(proxy.asked, [`CONNECT ${new URL(upstream.url).host}`])
  const stranger = await openProxy(t, { main: upstream }, {}, { env })
  assert.match(await (await get(stranger, '/simple/demo/')).text(), /ERR_UPSTREAM_UNTRUSTED/)
})

test('G3: a proxy that never answers is 504, after the time for connecting', async (t) => {
  const proxy = await startProxy(t, { hangs: true })
  const { upstream, adjust } = await openTls(t)
  const arbor = await openProxy(t, { main: upstream }, {}, { adjust, env: { HTTPS_PROXY: `http://${proxy.host}` } })
  const started = performance.now()
  assert.equal(await statusOf(arbor, '/simple/demo/'), 504)
  assert.ok(performance.now() - started < 10_000, 'waited for something else')
})

test('a host that NO_PROXY names is asked straight', async (t) => {
  const proxy = await startProxy(t)
  const env = { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: 'other.example,127.0.0.1' }
  const arbor = await openProxy(t, { main: await openUpstream(t, [demo]) }, {}, { env })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.deepEqual(proxy.asked, [])
})

test('G3: a proxy that refuses us, or is not there, is 502, without its password', async (t) => {
  const proxy = await startProxy(t)
  const upstream = await openUpstream(t, [demo])
  const tls = await openTls(t)
  for (const main of [upstream, tls.upstream]) {
    for (const host of [proxy.host, '127.0.0.1:1']) {
      const env = { HTTP_PROXY: `http://me:wrong-hunter2@${host}` }
      const arbor = await openProxy(t, { main }, {}, { adjust: tls.adjust, env })
      const response = await get(arbor, '/simple/demo/')
      assert.equal(response.status, 502)
      const text = await response.text()
      assert.doesNotMatch(text, /hunter2/)
      if (host === proxy.host) assert.match(text, /\(407\).*the password in HTTP_PROXY or HTTPS_PROXY/)
      assert.doesNotMatch(JSON.stringify(arbor.log), /hunter2/)
    }
  }
  assert.equal(upstream.requests.length, 0)
})

test('a variable that names no proxy ends the start, and its password is not shown', async (t) => {
  const upstream = await openUpstream(t, [demo])
  for (const written of [
    'ftp://me:hunter2@proxy.example',
    'http://me:hunter2@:::',
    'http://me:hunter2%@proxy.example',
  ]) {
    await assert.rejects(openProxy(t, { main: upstream }, {}, { env: { HTTP_PROXY: written } }), (error: Error) => {
      assert.match(error.message, /HTTP_PROXY: expected the http URL of a proxy/)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
  }
})
