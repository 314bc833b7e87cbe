import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import type { InProcessArbor } from '../../support/in-process.ts'
import { authorityFile, startTlsHost, type TlsHost } from '../../support/tls-host.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, JSON_TYPE, openProxy, statusOf } from './proxy.ts'

const page = '{"meta":{"api-version":"1.0"},"name":"demo","files":[]}'

/** Arbor over an index that speaks TLS, by a certificate that only one authority vouches for. */
async function openTls(
  t: TestContext,
  { ca, name = '127.0.0.1', retries = 0 }: { ca?: string; name?: string; retries?: number } = {},
): Promise<{ arbor: InProcessArbor; host: TlsHost; asked: () => number }> {
  let asked = 0
  const host = await startTlsHost((_request, response) => {
    asked += 1
    response.writeHead(200, { 'content-type': JSON_TYPE }).end(page)
  })
  t.after(() => host[Symbol.asyncDispose]())
  const url = `${host.url.replace('127.0.0.1', name)}/simple/`
  const adjust: NonNullable<Parameters<typeof openProxy>[3]>['adjust'] = (config) => {
    return { ...config, upstream: { ...config.upstream, ca, retries } }
  }
  return { arbor: await openProxy(t, { main: { url } as Upstream }, {}, { adjust }), host, asked: () => asked }
}

test('G3: a certificate that nobody vouches for is 502, tried once, and the answer says what to do', async (t) => {
  const { arbor, host, asked } = await openTls(t, { retries: 3 })
  const response = await get(arbor, '/simple/demo/')
  assert.equal(response.status, 502)
  const problem = (await response.json()) as { code: string; detail: string }
  assert.equal(problem.code, 'ERR_UPSTREAM_UNTRUSTED')
  assert.match(problem.detail, /verify the first certificate; .*ca-file, under \[upstream\]/)
  assert.equal(asked(), 0)
  assert.equal(host.connections(), 1)
})

test('the authority of ca-file vouches for it', async (t) => {
  const { arbor } = await openTls(t, { ca: await readFile(authorityFile, 'utf8') })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
})

test('G3: a certificate of another host is 502, and no file of certificates would help', async (t) => {
  const { arbor, asked } = await openTls(t, { ca: await readFile(authorityFile, 'utf8'), name: 'localhost' })
  const response = await get(arbor, '/simple/demo/')
  const problem = (await response.json()) as { code: string; detail: string }
  assert.deepEqual([response.status, problem.code], [502, 'ERR_UPSTREAM_UNTRUSTED'])
  assert.doesNotMatch(problem.detail, /ca-file/)
  assert.equal(asked(), 0)
})

test('G3: a host that speaks no TLS is 502, and the answer asks whether it is http', async (t) => {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const arbor = await openProxy(t, { main: { url: `https://127.0.0.1:${port}/simple/` } as Upstream })
  const response = await get(arbor, '/simple/demo/')
  assert.equal(response.status, 502)
  assert.match(await response.text(), /speaks no TLS; is it http, not https\?/)
})
