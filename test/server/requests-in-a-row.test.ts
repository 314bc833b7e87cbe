import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listen, type Answering, type Listening } from '../../server/listen.ts'
import { connectRaw } from '../support/raw-http.ts'
import { inTwoParts } from '../support/two-parts.ts'

const loopback = { host: '127.0.0.1', port: 0 }

/** Long enough that a test which waits for it fails by its time limit. */
const FOREVER = { graceMs: 600_000 }
const limit = { timeout: 20_000 }

function portOf(listening: Listening): number {
  return Number(new URL(listening.url).port)
}

test('of several requests in a row each is begun in its turn, and none after the client has left', limit, async () => {
  const { app, finish } = inTwoParts()
  const begun: string[] = []
  const inTurn: Answering = {
    fetch(request, env) {
      begun.push(new URL(request.url).pathname)
      return app.fetch(request, env)
    },
  }
  const listening = await listen(inTurn, loopback)
  const row = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')
  const leaver = await connectRaw(portOf(listening))
  leaver.socket.write(row)
  await leaver.waitFor('1\r\na\r\n')
  leaver.socket.destroy()
  const client = await connectRaw(portOf(listening))
  client.socket.write(row)
  await client.waitFor('1\r\na\r\n')
  assert.deepEqual(begun, ['/1', '/1'])
  const closed = listening.close(FOREVER)
  finish()
  await closed
  assert.equal(await client.closed, undefined)
  assert.equal(client.received().match(/^HTTP\/1\.1 200 /gm)?.length, 3)
  assert.deepEqual(begun, ['/1', '/1', '/2', '/3'])
})

test('who sends more than a hundred requests ahead is cut off', limit, async () => {
  const later = Promise.withResolvers<Response>()
  const listening = await listen({ fetch: () => later.promise }, loopback)
  const client = await connectRaw(portOf(listening))
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(102))
  await client.closed
  assert.equal(client.received(), '')
  later.resolve(new Response())
  await listening.close()
})

const CLIPPED = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n'

test('nonsense behind a request that waits for its response is not answered in its place', limit, async () => {
  const later = Promise.withResolvers<Response>()
  const listening = await listen({ fetch: () => later.promise }, loopback)
  for (const nonsense of ['nonsense\r\n\r\n', CLIPPED, 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n']) {
    const client = await connectRaw(portOf(listening))
    client.socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${nonsense}`)
    await client.closed
    assert.equal(client.received(), '', JSON.stringify(nonsense))
  }
  later.resolve(new Response())
  await listening.close()
})

test('a body that breaks off is 400, but adds nothing to the response before it', limit, async () => {
  const { app, finish } = inTwoParts()
  const readsBody: Answering = {
    async fetch(request, env) {
      await request.text()
      return app.fetch(request, env)
    },
  }
  const listening = await listen(readsBody, loopback)
  const alone = await connectRaw(portOf(listening))
  alone.socket.write(CLIPPED)
  await alone.closed
  assert.match(alone.received(), /^HTTP\/1\.1 400 [^]*"code":"ERR_BAD_REQUEST"/)
  const second = await connectRaw(portOf(listening))
  second.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await second.waitFor('1\r\na\r\n')
  second.socket.write(CLIPPED)
  await second.closed
  assert.ok(second.received().endsWith('1\r\na\r\n'), second.received())
  finish()
  await listening.close()
})

test('nonsense after a request whose response is under way adds nothing to it', limit, async () => {
  const listening = await listen(inTwoParts().app, loopback)
  const client = await connectRaw(portOf(listening))
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.waitFor('1\r\na\r\n')
  client.socket.write('nonsense\r\n\r\n')
  await client.closed
  assert.ok(client.received().endsWith('1\r\na\r\n'))
  await listening.close()
})

test('closing waits for all responses of a connection that asks for several at once', limit, async () => {
  const { app, finish } = inTwoParts()
  const listening = await listen(app, loopback)
  const client = await connectRaw(portOf(listening))
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2))
  await client.waitFor('1\r\na\r\n')
  const closed = listening.close(FOREVER)
  finish()
  await closed
  assert.equal(await client.closed, undefined)
  assert.equal(client.received().split('1\r\nb\r\n0\r\n\r\n').length, 3)
})
