import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { listen, ListenError, type Answering, type Listening } from '../../server/listen.ts'
import { ask, connectRaw } from '../support/raw-http.ts'
import { inTwoParts } from '../support/two-parts.ts'

const loopback = { host: '127.0.0.1', port: 0 }
const hello: Answering = { fetch: () => new Response('hello') }

/** Long enough that a test which waits for it fails by its time limit. */
const FOREVER = { graceMs: 600_000 }
const limit = { timeout: 20_000 }

function portOf(listening: Listening): number {
  return Number(new URL(listening.url).port)
}

test('port 0 takes a free port, and the URL has it', limit, async () => {
  const listening = await listen(hello, loopback)
  assert.match(listening.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  assert.equal((await ask(listening.url, '/')).body.toString(), 'hello')
  await listening.close()
})

const hasIpv6 = Object.values(networkInterfaces()).some((faces) => faces?.some(({ address }) => address === '::1'))

test('an IPv6 address is in brackets', { ...limit, skip: hasIpv6 ? false : 'no ::1 on this machine' }, async () => {
  const listening = await listen(hello, { host: '::1', port: 0 })
  assert.match(listening.url, /^http:\/\/\[::1\]:\d+$/)
  await listening.close()
})

const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, faces]) =>
  (faces ?? []).flatMap(({ address }) => (/^fe80:/i.test(address) ? { name, address } : [])),
)[0]

test(
  'a link-local address needs its interface, which is not in its URL',
  { ...limit, skip: linkLocal === undefined && 'no link-local IPv6 address on this machine' },
  async () => {
    const { name, address } = linkLocal!
    await assert.rejects(
      listen(hello, { host: address, port: 0 }),
      /needs its interface, as in \[fe80::1%eth0\]:3141\)/,
    )
    const listening = await listen(hello, { host: `${address}%${name}`, port: 0 })
    assert.equal(new URL(listening.url).hostname, `[${address}]`)
    await listening.close()
  },
)

test('an address that is taken, or not ours, is one clear line with what to do', limit, async () => {
  const listening = await listen(hello, loopback)
  const taken = { host: '127.0.0.1', port: portOf(listening) }
  await assert.rejects(listen(hello, taken), (error: unknown) => {
    assert.ok(error instanceof ListenError)
    assert.match(error.message, /^cannot listen on 127\.0\.0\.1:\d+: something listens there already.*ARBOR_LISTEN$/)
    return true
  })
  await assert.rejects(listen(hello, { host: '203.0.113.1', port: 0 }), /no such address on this machine.*--listen/)
  await listening.close()
})

test('closing ends kept connections and silent ones at once', limit, async () => {
  const listening = await listen(hello, loopback)
  const kept = await connectRaw(portOf(listening))
  kept.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await kept.waitFor('hello')
  const silent = await connectRaw(portOf(listening))
  await listening.close(FOREVER)
  assert.deepEqual([await kept.closed, await silent.closed], [undefined, undefined])
})

test('closing accepts nothing more, and lets a response come to its end', limit, async () => {
  const { app, finish } = inTwoParts()
  const listening = await listen(app, loopback)
  const client = await connectRaw(portOf(listening))
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.waitFor('1\r\na\r\n')
  const closed = listening.close(FOREVER)
  await assert.rejects(ask(listening.url, '/'), { code: 'ECONNREFUSED' })
  finish()
  await closed
  assert.equal(await client.closed, undefined)
  assert.ok(client.received().endsWith('1\r\nb\r\n0\r\n\r\n'))
})

test('closing cuts nothing from a response that its client is slow to read', limit, async () => {
  const size = 32 * 2 ** 20
  const listening = await listen({ fetch: () => new Response(new Uint8Array(size)) }, loopback)
  const socket = connect(portOf(listening), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  // The head has come, and the rest waits: the kernel's buffers are smaller than the body.
  await once(socket, 'readable')
  const closed = listening.close(FOREVER)
  let received = 0
  for await (const chunk of socket) received += (chunk as Buffer).length
  assert.ok(received > size, `${received} bytes`)
  await closed
})

test('closing breaks off what the grace time does not suffice for', limit, async () => {
  const listening = await listen(inTwoParts().app, loopback)
  const client = await connectRaw(portOf(listening))
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.waitFor('1\r\na\r\n')
  await listening.close({ graceMs: 20 })
  await client.closed
  assert.ok(client.received().endsWith('1\r\na\r\n'), 'the response has no end')
})

test('a response may stall for ten minutes, and a connection is kept for 75 seconds after it', limit, async () => {
  const rest = Promise.withResolvers<void>()
  const asked = new EventEmitter<{ request: [Socket] }>()
  const app: Answering = {
    answerKnown({ socket, url }, response) {
      if (url === '/at-once') response.end('at once')
      else if (url === '/large') response.end(Buffer.alloc(32 << 20))
      else void rest.promise.then(() => response.end('later'))
      setImmediate(() => asked.emit('request', socket))
      return true
    },
    fetch: () => assert.fail('answered before'),
  }
  const listening = await listen(app, loopback)
  const client = await connectRaw(portOf(listening))
  const askFor = async (path: string): Promise<Socket> => {
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const [socket] = await once(asked, 'request')
    return socket
  }
  assert.equal((await askFor('/at-once')).timeout, 76_000, 'what is out at once')
  const socket = await askFor('/later')
  assert.equal(socket.timeout, 600_000, 'what is waited for')
  rest.resolve()
  await client.waitFor('later')
  assert.equal(socket.timeout, 76_000, 'after it')
  client.socket.pause()
  assert.equal((await askFor('/large')).timeout, 600_000, 'what the client does not read')
  client.socket.destroy()
  await listening.close()
})

test('closing twice is closing once', limit, async () => {
  const listening = await listen(hello, loopback)
  await Promise.all([listening.close(), listening.close()])
})

test('G6: what is no HTTP request of ours is 400 and a problem', limit, async () => {
  const listening = await listen(hello, loopback)
  const heads = [
    'GET / HTTP/1.1\r\nHost: a b',
    'GET / HTTP/1.1\r\nHost: 256.1.1.1',
    'GET /\\simple HTTP/1.1\r\nHost: x',
  ]
  for (const head of heads) {
    const socket = connect(portOf(listening), '127.0.0.1')
    socket.end(`${head}\r\nConnection: close\r\n\r\n`)
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    assert.match(text, /^HTTP\/1\.1 400 /)
    assert.match(text, /content-type: application\/problem\+json/i)
    assert.match(text, /"code":"ERR_BAD_REQUEST"/)
  }
  await listening.close()
})

test('G6: what is no HTTP at all gets a problem too, and its connection is closed', limit, async () => {
  const listening = await listen(hello, loopback)
  for (const [request, status, code] of [
    ['nonsense\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
    ['CONNECT index.example:443 HTTP/1.1\r\nHost: index.example:443\r\n\r\n', 405, 'ERR_METHOD_NOT_ALLOWED'],
    ['GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
    [`GET / HTTP/1.1\r\nHost: x\r\nLong: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'ERR_HEAD_TOO_LARGE'],
  ] as const) {
    const client = await connectRaw(portOf(listening))
    client.socket.write(request)
    await client.closed
    const [head = '', body = ''] = client.received().split('\r\n\r\n')
    assert.ok(head.startsWith(`HTTP/1.1 ${status} `), head)
    assert.match(head, /^content-type: application\/problem\+json$/im)
    assert.match(head, /^connection: close$/im)
    assert.match(head, new RegExp(`^content-length: ${body.length}$`, 'im'))
    const problem = JSON.parse(body) as Record<string, unknown>
    assert.deepEqual([problem['status'], problem['code']], [status, code])
  }
  await listening.close()
})

test(
  'G6: a request without a Host, with two of them, or with an odd Expect, gets a problem, in its turn, and its connection is closed',
  limit,
  async () => {
    const listening = await listen(hello, loopback)
    for (const [request, status, code] of [
      ['GET / HTTP/1.1\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
      ['POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody', 400, 'ERR_BAD_REQUEST'],
      ['GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
      ['GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nhOsT: y\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
      ['GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400, 'ERR_BAD_REQUEST'],
      ['GET / HTTP/1.0\r\nHost: x\r\nHost: \r\n\r\n', 400, 'ERR_BAD_REQUEST'],
      ['GET / HTTP/1.1\r\nHost: x\r\nExpect: bogus\r\n\r\n', 417, 'ERR_EXPECTATION_FAILED'],
      ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: bogus\r\n\r\n', 417, 'ERR_EXPECTATION_FAILED'],
      ['HEAD / HTTP/1.1\r\nHost: x\r\nExpect: bogus\r\n\r\n', 417, undefined],
    ] as const) {
      const client = await connectRaw(portOf(listening))
      client.socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${request}`)
      assert.equal(await client.closed, undefined)
      const answer = client.received().replace(/^HTTP\/1\.1 200 [^]*?hello/, '')
      const [head = '', body = ''] = answer.replace('HTTP/1.1 100 Continue\r\n\r\n', '').split('\r\n\r\n')
      assert.ok(head.startsWith(`HTTP/1.1 ${status} `), client.received())
      assert.match(head, /^content-type: application\/problem\+json$/im)
      assert.match(head, /^connection: close$/im)
      if (code === undefined) assert.equal(body, '')
      else {
        assert.match(head, new RegExp(`^content-length: ${body.length}$`, 'im'))
        const problem = JSON.parse(body) as Record<string, unknown>
        assert.deepEqual([problem['status'], problem['code']], [status, code])
      }
    }
    await listening.close()
  },
)

test('a request of HTTP/1.0 needs no Host, and an Expect that is met is no trouble', limit, async () => {
  const listening = await listen({ fetch: ({ url }) => new Response(`at ${url}`) }, loopback)
  for (const [request, url] of [
    ['GET /a HTTP/1.0\r\n\r\n', 'http://127.0.0.1/a'],
    ['GET /a HTTP/1.0\r\nHost: x\r\n\r\n', 'http://x/a'],
    ['GET /a HTTP/1.0\r\nExpect: bogus\r\n\r\n', 'http://127.0.0.1/a'],
    ['GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-Continue\r\n\r\n', 'http://x/a'],
  ] as const) {
    const client = await connectRaw(portOf(listening))
    client.socket.write(request)
    await client.closed
    assert.match(client.received(), /^HTTP\/1\.1 200 /m)
    assert.ok(client.received().includes(`at ${url}`), client.received())
  }
  await listening.close()
})
