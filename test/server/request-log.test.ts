import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '../../server/app.ts'
import { type Answering, listen, type Listening } from '../../server/listen.ts'
import { openLog } from '../../server/log.ts'
import { logRequests } from '../../server/request-log.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { startArbor } from '../support/arbor.ts'
import { ask, connectRaw } from '../support/raw-http.ts'
import { inTwoParts } from '../support/two-parts.ts'
import { startUpstream } from '../support/upstream.ts'

const limit = { timeout: 20_000 }
type Line = Readonly<Record<string, unknown>>

interface Logged extends Listening {
  readonly port: number
  readonly lines: readonly Line[]
  /** Resolves once there are so many lines. */
  said(count: number): Promise<readonly Line[]>
}

/** An app whose requests are logged. */
async function listenLogged(t: TestContext, app: Answering): Promise<Logged> {
  const lines: Line[] = []
  const waiting = new Set<() => void>()
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Line)
    for (const look of waiting) look()
  }
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })
  t.after(() => listening.close({ graceMs: 0 }))
  listening.countFromNow(logRequests(openLog('info', { write })))
  return {
    ...listening,
    port: Number(new URL(listening.url).port),
    lines,
    said(count) {
      const { promise, resolve } = Promise.withResolvers<readonly Line[]>()
      const look = (): void => {
        if (lines.length >= count) resolve(lines)
      }
      waiting.add(look)
      look()
      return promise
    },
  }
}

test('a line says who asked for what, and what became of it', limit, async (t) => {
  const arbor = await listenLogged(t, createApp({ repository: new MemoryRepository(), adminToken: undefined }))
  const headers = {
    'user-agent': 'uv/0.9.1 {"installer":{"name":"uv"}}',
    'x-forwarded-for': '192.0.2.1',
    authorization: 'Bearer secret',
  }
  const { body } = await ask(arbor.url, '/health?token=secret&b', { headers })
  const [line = {}] = await arbor.said(1)
  const { time, ms, bytes, ...rest } = line
  assert.deepEqual(rest, {
    level: 'info',
    method: 'GET',
    path: '/health?***',
    status: 200,
    client: '127.0.0.1',
    forwardedFor: '192.0.2.1',
    userAgent: 'uv/0.9.1',
    msg: 'request',
  })
  assert.ok(Number(bytes) > body.length && Number(bytes) < 2000, String(bytes))
  assert.ok(Number(ms) >= 0 && Number(ms) < 20_000, String(ms))
  assert.equal(typeof time, 'string')
})

for (const [what, path, status, headers] of [
  ['a problem', '/nothing', 404, {}],
  ['a path that is refused', '/a/../b', 404, {}],
  ['a target that makes no URL', '/a\\b', 400, {}],
  ['what it expects', '/', 417, { expect: 'nonsense' }],
] as const) {
  test(`a line about ${what} has the id that its client was told`, limit, async (t) => {
    const arbor = await listenLogged(t, createApp({ repository: new MemoryRepository(), adminToken: undefined }))
    const { headers: told } = await ask(arbor.url, path, { headers })
    const [line] = await arbor.said(1)
    assert.match(String(line?.['requestId']), /^[\da-f-]{36}$/)
    assert.deepEqual([line?.['status'], line?.['requestId']], [status, told['x-request-id']])
  })
}

test('a request has the id that its client, or a proxy, gave it', limit, async (t) => {
  const arbor = await listenLogged(t, createApp({ repository: new MemoryRepository(), adminToken: undefined }))
  await ask(arbor.url, '/health', { headers: { 'x-request-id': 'of-nginx' } })
  await ask(arbor.url, '/health', { headers: { 'x-request-id': 'not one' } })
  const lines = await arbor.said(2)
  assert.deepEqual(
    lines.map((line) => line['requestId']),
    ['of-nginx', undefined],
  )
})

test('a client that leaves before the end is told from what Arbor breaks off', limit, async (t) => {
  const { app, finish } = inTwoParts()
  t.after(finish)
  const leaving = await listenLogged(t, app)
  const client = await connectRaw(leaving.port)
  client.socket.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.waitFor('1\r\na\r\n')
  client.socket.resetAndDestroy()
  const [left] = await leaving.said(1)
  assert.deepEqual(
    [left?.['path'], left?.['status'], left?.['left'], left?.['brokenOff']],
    ['/1', 200, true, undefined],
  )
  const silent = await connectRaw(leaving.port)
  silent.socket.write('GET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await silent.waitFor('1\r\na\r\n')
  await leaving.close({ graceMs: 0 })
  const [, broken] = await leaving.said(2)
  assert.deepEqual([broken?.['path'], broken?.['left'], broken?.['brokenOff']], ['/2', undefined, true])
})

test('a client that leaves while a response waits in memory for it did not get it', limit, async (t) => {
  const arbor = await listenLogged(t, { fetch: () => new Response(new Uint8Array(64 << 20)) })
  const client = await connectRaw(arbor.port)
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.waitFor('HTTP/1.1 200 OK\r\n')
  client.socket.resetAndDestroy()
  const [line = {}] = await arbor.said(1)
  assert.deepEqual([line['status'], line['left']], [200, true])
})

test('who leaves before anything was answered was told no status, and counts for no response', limit, async (t) => {
  const asked = Promise.withResolvers<void>()
  const never = Promise.withResolvers<Response>()
  t.after(() => never.resolve(new Response()))
  const fetch = (): Promise<Response> => {
    asked.resolve()
    return never.promise
  }
  const arbor = await listenLogged(t, { fetch })
  const client = await connectRaw(arbor.port)
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await asked.promise
  client.socket.end()
  const [line = {}] = await arbor.said(1)
  assert.deepEqual([line['status'], line['left'], line['bytes']], [undefined, true, 0])
  assert.deepEqual(arbor.responses(), { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 })
})

test('of requests in a row each has its own bytes, and those whose turn never came have no line', limit, async (t) => {
  const { app, finish } = inTwoParts()
  const arbor = await listenLogged(t, app)
  const rows = ['/1', '/2'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')
  const leaver = await connectRaw(arbor.port)
  leaver.socket.write(rows)
  await leaver.waitFor('1\r\na\r\n')
  leaver.socket.destroy()
  assert.deepEqual([(await arbor.said(1))[0]?.['path'], arbor.lines.length], ['/1', 1])
  const client = await connectRaw(arbor.port)
  client.socket.write(rows)
  await client.waitFor('1\r\na\r\n')
  finish()
  const [, first, second] = await arbor.said(3)
  assert.deepEqual([first?.['path'], second?.['path']], ['/1', '/2'])
  assert.equal(first?.['bytes'], second?.['bytes'])
  assert.equal(arbor.responses()['2xx'], 3)
})

test('nothing is logged of a request by default, nor of the one by which Arbor begins', limit, async () => {
  await using upstream = await startUpstream()
  for (const [value, lines] of [
    ['false', []],
    ['true', ['/health?***']],
  ] as const) {
    await using arbor = await startArbor({ upstream: upstream.url, env: { ARBOR_LOG_REQUESTS: value } })
    await ask(arbor.url, '/health?by=test')
    await arbor.stop()
    const said = Array.from(arbor.output.matchAll(/^.*"msg":"request"\}$/gm), ([line]) => JSON.parse(line) as Line)
    assert.deepEqual(
      said.map(({ path }) => path),
      lines,
    )
  }
})
