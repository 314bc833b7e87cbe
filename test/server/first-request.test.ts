import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { makeFirstRequest } from '../../server/first-request.ts'
import { Arbor, startArbor } from '../support/arbor.ts'

async function startServer(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('the server is asked for its health, once', async (t) => {
  const asked: string[] = []
  const url = await startServer(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('{}')
  })
  await makeFirstRequest(url, new AbortController().signal)
  assert.deepEqual(asked, ['GET /health'])
})

test('a server that is told to end meanwhile does not wait for its own answer', async (t) => {
  const ending = new AbortController()
  const url = await startServer(t, () => ending.abort())
  await makeFirstRequest(url, ending.signal)
})

test('a server that may not connect to itself goes on', async (t) => {
  const url = await startServer(t, (request) => void request.socket.destroy())
  await makeFirstRequest(url, new AbortController().signal)
})

test('what the server asks of itself is not in its stats', async () => {
  await using arbor = await startArbor({ upstream: 'http://127.0.0.1:9/simple/' })
  const headers = { authorization: `Bearer ${Arbor.adminToken}` }
  const stats = await fetch(`${arbor.url}/admin/stats`, { headers })
  assert.equal(((await stats.json()) as { bytes: { served: number } }).bytes.served, 0)
})
