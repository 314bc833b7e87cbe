import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { authorityFile, startTlsHost } from '../../support/tls-host.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, JSON_TYPE, openProxy, openRaw } from './proxy.ts'

/** One port for both, as a host's name without a port stands for two: what speaks TLS gets to the one, all else to the other. */
async function openBoth(t: TestContext, encrypted: string, plain: string): Promise<number> {
  const server = createServer((socket) => {
    socket.once('data', (first) => {
      const { port } = new URL(first[0] === 0x16 ? encrypted : plain)
      const behind = connect(Number(port), '127.0.0.1')
      behind.write(first)
      socket.pipe(behind).pipe(socket)
      for (const end of [socket, behind]) end.on('error', () => behind.destroy())
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('H5: a page that is asked for by https comes by https, also where its host redirects to itself by http', async (t) => {
  const page = '{"meta":{"api-version":"1.0"},"name":"demo","files":[]}'
  const host = await startTlsHost(({ headers, url }, response) => {
    response.writeHead(302, { location: `http://${headers.host}${url}` }).end()
  })
  t.after(() => host[Symbol.asyncDispose]())
  const plain = await openRaw(t, (_, response) => response.writeHead(200, { 'content-type': JSON_TYPE }).end(page))
  const url = `https://127.0.0.1:${await openBoth(t, host.url, plain.url)}/simple/`
  const ca = await readFile(authorityFile, 'utf8')
  const arbor = await openProxy(
    t,
    { main: { url } as Upstream },
    {},
    {
      adjust: (config) => ({ ...config, upstream: { ...config.upstream, ca } }),
    },
  )
  const response = await get(arbor, '/simple/demo/')
  assert.equal(response.status, 502)
  assert.match(await response.text(), /redirects to plain http/)
  assert.equal(plain.asked.length, 0)
})
