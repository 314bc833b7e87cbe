import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { get, openProxy, openUpstream, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }

/** A proxy that asks for a password, and what it was asked for. */
async function startProxy(t: TestContext): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(502).end()
  })
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`)
    const isLetIn = request.headers['proxy-authorization'] === `Basic ${btoa('me:hunter2')}`
    if (!isLetIn) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const [host = '', port] = (request.url ?? '').split(':')
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
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Until the test is over. */
function setVariables(t: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env }
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    delete process.env[name]
    delete process.env[name.toLowerCase()]
  }
  Object.assign(process.env, variables)
  t.after(() => {
    process.env = before
  })
}

test('upstream is asked through HTTP_PROXY, and its password is told to nobody', async (t) => {
  const proxy = await startProxy(t)
  setVariables(t, { HTTP_PROXY: `http://me:hunter2@${proxy.url}` })
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  const { path } = await arbor.locate('demo', 'demo-1.0-py3-none-any.whl')
  assert.equal(await statusOf(arbor, path), 200)
  assert.ok(proxy.asked.length > 0)
  assert.ok(proxy.asked.every((line) => line === `CONNECT ${new URL(upstream.url).host}`))
  assert.ok(upstream.requests.every(({ headers }) => headers['proxy-authorization'] === undefined))
  assert.doesNotMatch(JSON.stringify(arbor.log), /hunter2|bWU6aHVudGVyMg/)
})

test('a host that NO_PROXY names is asked straight', async (t) => {
  const proxy = await startProxy(t)
  setVariables(t, { HTTP_PROXY: `http://${proxy.url}`, NO_PROXY: 'other.example,127.0.0.1' })
  const arbor = await openProxy(t, { main: await openUpstream(t, [demo]) })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.deepEqual(proxy.asked, [])
})

test('G3: a proxy that refuses us, or is not there, is 502, without its password', async (t) => {
  const proxy = await startProxy(t)
  const upstream = await openUpstream(t, [demo])
  for (const url of [`http://me:wrong-hunter2@${proxy.url}`, 'http://me:wrong-hunter2@127.0.0.1:1']) {
    setVariables(t, { HTTP_PROXY: url })
    const arbor = await openProxy(t, { main: upstream })
    const response = await get(arbor, '/simple/demo/')
    assert.equal(response.status, 502)
    assert.doesNotMatch(await response.text(), /hunter2/)
    assert.doesNotMatch(JSON.stringify(arbor.log), /hunter2/)
  }
  assert.equal(upstream.requests.length, 0)
})
