import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { Content } from '../../routes/content.ts'
import { UpstreamError } from '../../server/errors.ts'
import { keptContent, someBytes, streamedContent } from '../support/memory-content.ts'
import { ask, connectRaw } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const BYTES = someBytes(20_000)
const BIG = someBytes(16 * 1024 * 1024)
const WHEEL = 'a-1.0-py3-none-any.whl'

/** Fails with wrong bytes on the way, as a download does whose digest does not fit. */
function brokenContent(options: { sized?: boolean; failAt?: number } = {}): ReturnType<typeof streamedContent> {
  const { sized = true, failAt = 10_000 } = options
  return streamedContent(BYTES, {
    sized,
    stored: false,
    before: (offset) => (offset < failAt ? Promise.resolve() : Promise.reject(new Error('the secret inside'))),
  })
}

async function serveContent(content: Content) {
  const served = await serveMemory()
  const path = served.repository.addFile(WHEEL, content)
  return { ...served, path, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

/** Lets go of the event loop until something is so. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => void setImmediate(resolve))
}

describe('E13: bytes that turn out wrong on the way', () => {
  for (const [what, options, headers] of [
    ['with a known length', {}, {}],
    ['in a range', {}, { Range: 'bytes=100-19999' }],
    ['of unknown length', { sized: false }, {}],
    ['at the very first chunk', { failAt: 0 }, {}],
  ] as const) {
    test(`${what}: the response is broken off, logged, and its source closed`, async () => {
      const content = brokenContent(options)
      await using served = await serveContent(content)
      const { body, complete } = await ask(served.url, served.path, { headers })
      assert.equal(complete, false)
      assert.ok(body.length < BYTES.length)
      assert.deepEqual(content.readers, { opened: 1, open: 0 })
      const [line, ...more] = served.logged
      assert.equal(line?.message, 'response broken off')
      assert.equal(more.length, 0)
    })
  }

  test('to a client of HTTP/1.0, for which the end of a connection ends a body: the connection is reset', async () => {
    await using served = await serveContent(brokenContent({ sized: false }))
    const connection = await connectRaw(served.port)
    connection.socket.write(`GET ${served.path} HTTP/1.0\r\nHost: x\r\n\r\n`)
    assert.equal(await connection.closed, 'ECONNRESET')
  })

  test('and a source that ends too early is not the end either', async () => {
    const short: Content = { ...streamedContent(BYTES.subarray(0, 5000)), size: BYTES.length }
    await using served = await serveContent(short)
    const { body, complete } = await ask(served.url, served.path)
    assert.equal(complete, false)
    assert.equal(body.length, 5000)
  })
})

test('E14: what fails before the first byte is still a status', async () => {
  const failing: Content = {
    ...streamedContent(BYTES),
    open: () => Promise.reject(new UpstreamError('ERR_UPSTREAM_FILE', 'other bytes than promised')),
  }
  await using served = await serveContent(failing)
  const { status, headers, body } = await ask(served.url, served.path)
  assert.equal(status, 502)
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.match(body.toString(), /ERR_UPSTREAM_FILE/)
  assert.deepEqual(served.repository.metered, [], 'no file was sent')
})

for (const [what, content, origin] of [
  ['from memory', keptContent(BYTES), 'store'],
  ['from the disk', streamedContent(BYTES), 'store'],
  ['that is downloaded', streamedContent(BYTES, { stored: false }), 'upstream'],
] as const) {
  test(`a file ${what} is counted for each response that sends it, or a part of it`, async () => {
    await using served = await serveContent(content)
    const { headers } = await ask(served.url, served.path)
    await ask(served.url, served.path, { headers: { Range: 'bytes=0-99' } })
    await ask(served.url, served.path, { headers: { 'If-None-Match': String(headers['etag']) } })
    await ask(served.url, served.path, { method: 'HEAD' })
    assert.deepEqual(served.repository.metered, [
      [BYTES.length, origin],
      [100, origin],
    ])
  })
}

test('the headers of a download do not wait for its first byte', async () => {
  const gate = Promise.withResolvers<void>()
  const content = streamedContent(BYTES, { stored: false, before: () => gate.promise })
  await using served = await serveContent(content)
  const connection = await connectRaw(served.port)
  connection.socket.write(`GET ${served.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  await connection.waitFor('\r\n\r\n')
  assert.match(connection.received(), /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(connection.received(), /content-length: 20000\r\n/i)
  gate.resolve()
  assert.equal(await connection.closed, undefined)
  assert.ok(connection.received().endsWith(BYTES.toString('latin1')))
})

describe('a client that leaves', () => {
  test('while it is being sent bytes: the source is closed, and nothing is logged', async () => {
    const content = streamedContent(BIG, { chunkBytes: 64 * 1024 })
    await using served = await serveContent(content)
    const connection = await connectRaw(served.port)
    connection.socket.write(`GET ${served.path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await connection.waitFor('\r\n\r\n')
    assert.equal(content.readers.open, 1)
    connection.socket.destroy()
    await until(() => content.readers.open === 0)
    assert.deepEqual(served.logged, [])
  })

  test('while the source waits for bytes: the signal tells it', async () => {
    const content = streamedContent(BYTES, {
      stored: false,
      before: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    })
    await using served = await serveContent(content)
    const connection = await connectRaw(served.port)
    connection.socket.write(`GET ${served.path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await connection.waitFor('\r\n\r\n')
    connection.socket.destroy()
    await until(() => content.readers.open === 0)
    assert.deepEqual(served.logged, [])
  })

  test('with a second response waiting behind the first: both sources are closed', async () => {
    const content = streamedContent(BIG, { chunkBytes: 64 * 1024 })
    await using served = await serveContent(content)
    const connection = await connectRaw(served.port)
    connection.socket.pause()
    connection.socket.write(`GET ${served.path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2))
    await until(() => content.readers.open === 2)
    connection.socket.destroy()
    await until(() => content.readers.open === 0)
    assert.deepEqual(served.logged, [])
  })
})

test('the next chunk is asked for when the kernel has the one before: a slow client holds the source back', async () => {
  const sockets = new Set<Socket>()
  let unsent = 0
  const content = streamedContent(BIG, {
    chunkBytes: 64 * 1024,
    before() {
      for (const { writableLength } of sockets) unsent = Math.max(unsent, writableLength)
      return Promise.resolve()
    },
  })
  await using served = await serveContent(content)
  served.server.on('connection', (socket: Socket) => sockets.add(socket))
  const { body, complete } = await ask(served.url, served.path)
  assert.ok(complete)
  assert.ok(body.equals(BIG))
  assert.equal(unsent, 0)
})

test('20 HEADs and 20 answers of 304 open nothing', async () => {
  const content = streamedContent(BYTES)
  await using served = await serveContent(content)
  for (let count = 0; count < 20; count += 1) {
    const head = await ask(served.url, served.path, { method: 'HEAD' })
    assert.equal(head.status, 200)
    const headers = { 'If-None-Match': String(head.headers['etag']) }
    assert.equal((await ask(served.url, served.path, { headers })).status, 304)
  }
  assert.deepEqual(content.readers, { opened: 0, open: 0 })
})

test('empty contents are sent', async () => {
  for (const content of [keptContent(Buffer.alloc(0)), streamedContent(Buffer.alloc(0))]) {
    await using served = await serveContent(content)
    const { status, headers, body, complete } = await ask(served.url, served.path)
    assert.deepEqual([status, body.length, complete, headers['content-length']], [200, 0, true, '0'])
  }
})

test('responses in a row share a connection', async () => {
  await using served = await serveContent(streamedContent(BYTES))
  const connection = await connectRaw(served.port)
  const line = `GET ${served.path} HTTP/1.1\r\nHost: x\r\n`
  connection.socket.write(`${line}\r\n${line}Range: bytes=0-9\r\n\r\n${line}Connection: close\r\n\r\n`)
  assert.equal(await connection.closed, undefined)
  assert.deepEqual(connection.received().match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 206', 'HTTP/1.1 200'])
})
