import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createApp } from '../../server/app.ts'
import { keptContent, someBytes, streamedContent } from '../support/memory-content.ts'
import { MemoryRepository } from '../support/memory-repository.ts'
import { ask, connectRaw } from '../support/raw-http.ts'
import { serveApp } from '../support/serve-app.ts'
import { listed, pageOf } from './simple-server.ts'

const KEPT = keptContent(someBytes(3000))
const STREAMED = streamedContent(someBytes(5000, 2))
const LONG = Buffer.from('long '.repeat(1000))

async function serve() {
  const repository = new MemoryRepository()
  const app = createApp({ repository, adminToken: undefined })
  const route = app.fetch
  const counts = { routed: 0 }
  const served = await serveApp({
    fetch(request, env) {
      counts.routed += 1
      return route(request, env)
    },
    answerKnown: app.answerKnown,
  })
  const kept = repository.addFile('kept-1.0-py3-none-any.whl', KEPT)
  const streamed = repository.addFile('streamed-1.0-py3-none-any.whl', STREAMED)
  const { tree } = repository.addTree({ 'pkg/long.txt': LONG, 'pkg/page.html': Buffer.from('<p>') })
  repository.addPage(pageOf('kept', [listed('kept-1.0-py3-none-any.whl')]))
  const root = `/trees/blake3:${tree.id}`
  const paths = { kept, streamed, root, long: `${root}/pkg/long.txt`, page: '/simple/kept/', folder: `${root}/pkg` }
  return { ...served, repository, counts, paths, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

type Served = Awaited<ReturnType<typeof serve>>

/** All of an answer but what belongs to the moment. */
async function answerOf({ url }: Served, path: string, options: Parameters<typeof ask>[2]) {
  const { status, headers, body } = await ask(url, path, options)
  const { date: _, ...lasting } = headers
  return { status, headers: lasting, body: body.toString('latin1') }
}

describe('what was routed before is answered as it was then', () => {
  const cases: readonly (readonly [string, keyof Served['paths'], Record<string, string>, number])[] = [
    ['a file in memory', 'kept', {}, 200],
    ['a range of it', 'kept', { Range: 'bytes=10-19' }, 206],
    ['a range of it that lies outside', 'kept', { Range: 'bytes=3000-', 'X-Request-Id': 'same' }, 416],
    ['what the client has', 'kept', { 'If-None-Match': '*' }, 304],
    ['a file that is read', 'streamed', {}, 200],
    ['a range of a file that is read', 'streamed', { Range: 'bytes=-10' }, 206],
    ['a manifest', 'root', {}, 200],
    ['a file of a tree', 'long', {}, 200],
    ['a file of a tree as gzip', 'long', { 'Accept-Encoding': 'gzip' }, 200],
    ['a redirection', 'folder', {}, 301],
    ['a page', 'page', { Accept: 'application/vnd.pypi.simple.v1+json' }, 200],
    ['a page as gzip', 'page', { 'Accept-Encoding': 'gzip' }, 200],
    ['a page that the client has', 'page', { 'If-None-Match': '*' }, 304],
    ['a page in a form that there is not', 'page', { Accept: 'image/png', 'X-Request-Id': 'same' }, 406],
  ]
  for (const [what, name, headers, status] of cases) {
    test(what, async () => {
      await using served = await serve()
      const path = served.paths[name]
      const first = await answerOf(served, path, { headers })
      assert.equal(first.status, status)
      const second = await answerOf(served, path, { headers })
      assert.equal(served.counts.routed, 1)
      assert.deepEqual(second, first)
      const head = await answerOf(served, path, { headers, method: 'HEAD' })
      if (status < 400 && status !== 206) assert.deepEqual(head, { ...first, body: '' })
    })
  }

  test('trouble is a problem, whether it comes at once or later', async () => {
    await using served = await serve()
    const { page } = served.paths
    assert.equal((await ask(served.url, page)).status, 200)
    served.repository.failure = new TypeError('the inside')
    const { status, headers, body } = await ask(served.url, page)
    assert.deepEqual([status, headers['content-type']], [500, 'application/problem+json'])
    assert.ok(!body.includes('the inside'))
    assert.equal(served.counts.routed, 1)
  })
})

test('G6: a host that is none is refused, also where the path was routed before', async () => {
  await using served = await serve()
  const { kept } = served.paths
  await ask(served.url, kept)
  for (const host of ['a b', 'a/b', 'x:y', '']) {
    const connection = await connectRaw(served.port)
    connection.socket.write(`GET ${kept} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    await connection.closed
    assert.match(connection.received(), host === '' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 400 /, host)
    // One that is a host changes nothing for the next one.
    assert.equal((await ask(served.url, kept)).status, 200)
  }
})

test('a host of which no URL can be made ends nothing, also where what was routed before fails', async () => {
  await using served = await serve()
  const { kept } = served.paths
  await ask(served.url, kept)
  for (const host of ['x:99999', '1.2.3.4.5', '[::', '[:.:]', '_']) {
    const connection = await connectRaw(served.port)
    connection.socket.write(`GET ${kept} HTTP/1.1\r\nHost: ${host}\r\nRange: bytes=9999-\r\nConnection: close\r\n\r\n`)
    await connection.closed
    assert.match(connection.received(), /^HTTP\/1\.1 4(?:00|16) /, host)
  }
  assert.equal((await ask(served.url, kept)).status, 200)
})

test('a client that leaves in the middle of what was routed before closes its source', async () => {
  await using served = await serve()
  const content = streamedContent(someBytes(16 << 20), { chunkBytes: 64 << 10 })
  const path = served.repository.addFile('big-1.0-py3-none-any.whl', content)
  await ask(served.url, path, { headers: { Range: 'bytes=0-0' } })
  const connection = await connectRaw(served.port)
  connection.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await connection.waitFor('\r\n\r\n')
  assert.equal(content.readers.open, 1)
  connection.socket.destroy()
  while (content.readers.open > 0) await new Promise((resolve) => void setImmediate(resolve))
  assert.equal(served.counts.routed, 1)
})
