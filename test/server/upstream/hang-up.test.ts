import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Upstream } from '../../../server/upstream.ts'
import { upstreamOptions } from '../../support/upstream-options.ts'

const { signal } = new AbortController()
/** As much as undici holds for a reader who does not read: then it stops, at the very end of the body. */
const body = 'x'.repeat(64 * 1024)

/** A host that sends this to whoever connects, and hangs up. Resolves `gone` when the other side has done so, too. */
async function startHost(t: TestContext, response: string): Promise<{ url: string; gone: Promise<void> }> {
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.once('data', () => socket.end(response))
  })
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, gone }
}

function createUpstream(t: TestContext): Upstream {
  const upstream = new Upstream(upstreamOptions)
  t.after(() => upstream.close())
  return upstream
}

const close = 'HTTP/1.1 200 OK\r\nConnection: close\r\n'

for (const [how, response] of [
  ['with a length', `${close}Content-Length: ${body.length}\r\n\r\n${body}`],
  ['until it hangs up', `${close}\r\n${body}`],
] as const) {
  test(`what a host sends ${how} comes whole, though it hung up before anybody read`, async (t) => {
    const { url, gone } = await startHost(t, response)
    const file = await createUpstream(t).openFile({ url }, undefined, signal)
    await gone
    assert.equal((await text(file.body)).length, body.length)
  })
}

test('less than its length is an error, though it hung up before anybody read', async (t) => {
  const { url, gone } = await startHost(t, `${close}Content-Length: ${body.length + 1}\r\n\r\n${body}`)
  const file = await createUpstream(t).openFile({ url }, undefined, signal)
  await gone
  await assert.rejects(text(file.body), { code: 'ERR_UPSTREAM_UNAVAILABLE' })
})
