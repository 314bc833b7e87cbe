import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { distributionOf } from './upstream/distribution.ts'
import type { Quirks } from './upstream/quirks.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const FILENAME = 'demo_thing-1.0-py3-none-any.whl'
const bytes = randomBytes(300_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')

interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** Whether the response came to its proper end. */
  complete: boolean
}

async function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  const sent = request(url, { headers, method, agent: new Agent() })
  sent.end()
  const [response] = await once(sent, 'response')
  sent.on('error', () => {}) // The response breaks off too, and says so.
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk)
  } catch {
    // Broken off: `complete` says so.
  }
  const { statusCode: status, headers: received, complete } = response
  return { status, headers: received, body: Buffer.concat(chunks), complete }
}

async function upstreamWith(quirks: Partial<Quirks> = {}): Promise<{ upstream: Upstream; file: string }> {
  const upstream = await startUpstream({ distributions: [await distributionOf(FILENAME, bytes)], quirks })
  return { upstream, file: new URL(`/packages/${FILENAME}`, upstream.url).href }
}

test('a page is JSON or HTML by Accept, and answers conditional requests', async () => {
  const { upstream } = await upstreamWith()
  await using _ = upstream
  const page = `${upstream.url}demo-thing/`
  const json = await get(page, { accept: `${JSON_TYPE}, text/html;q=0.1` })
  assert.equal(json.headers['content-type'], JSON_TYPE)
  assert.deepEqual(JSON.parse(json.body.toString()).files[0].hashes, { sha256 })
  const html = await get(page)
  assert.equal(html.headers['content-type'], 'text/html')
  assert.match(html.body.toString(), new RegExp(`href="http://127\\S+/packages/${FILENAME}#sha256=${sha256}"`))
  const tag = String(json.headers.etag)
  assert.equal((await get(page, { accept: JSON_TYPE, 'if-none-match': tag })).status, 304)
  assert.equal((await get(`${upstream.url}absent/`)).status, 404)
  upstream.quirks.htmlOnly = true
  assert.equal((await get(page, { accept: JSON_TYPE })).headers['content-type'], 'text/html')
})

test('a file comes whole, by range, and as HEAD, and every request is counted with its bytes', async () => {
  const { upstream, file } = await upstreamWith()
  await using _ = upstream
  assert.deepEqual((await get(file)).body, bytes)
  const tail = await get(file, { range: 'bytes=-100' })
  assert.equal(tail.status, 206)
  assert.equal(tail.headers['content-range'], 'bytes 299900-299999/300000')
  assert.deepEqual(tail.body, bytes.subarray(-100))
  assert.equal((await get(file, { range: 'bytes=300000-' })).status, 416)
  assert.equal((await get(file, { range: 'bytes=5-9', 'if-range': '"other"' })).status, 200)
  const head = await get(file, {}, 'HEAD')
  assert.equal(head.headers['content-length'], '300000')
  assert.deepEqual(
    upstream.requests.map((record) => [record.method, record.status, record.bytesSent, record.state]),
    [
      ['GET', 200, 300_000, 'complete'],
      ['GET', 206, 100, 'complete'],
      ['GET', 416, 0, 'complete'],
      ['GET', 200, 300_000, 'complete'],
      ['HEAD', 200, 0, 'complete'],
    ],
  )
})

const broken: [string, Partial<Quirks>, (reply: Reply) => void][] = [
  ['truncateAt', { truncateAt: 1000 }, (reply) => assert.deepEqual([reply.body.length, reply.complete], [1000, false])],
  [
    'truncateAt without a length looks complete',
    { truncateAt: 1000, chunked: true },
    (reply) => assert.deepEqual([reply.body.length, reply.complete], [1000, true]),
  ],
  ['dropConnectionAt', { dropConnectionAt: 200_000 }, (reply) => assert.equal(reply.complete, false)],
  [
    'wrongByteAt',
    { wrongByteAt: 299_999 },
    (reply) => {
      assert.deepEqual(reply.body.subarray(0, -1), bytes.subarray(0, -1))
      assert.notEqual(reply.body.at(-1), bytes.at(-1))
    },
  ],
  ['a length too large', { lengthError: 5 }, (reply) => assert.equal(reply.complete, false)],
  ['a length too small', { lengthError: -5 }, (reply) => assert.equal(reply.body.length, 299_995)],
  ['chunked', { chunked: true }, (reply) => assert.equal(reply.headers['content-length'], undefined)],
  ['ranges absent', { ranges: 'absent' }, (reply) => assert.equal(reply.headers['accept-ranges'], undefined)],
  ['fileStatus', { fileStatus: 503, retryAfter: '2' }, (reply) => assert.equal(reply.headers['retry-after'], '2')],
]
for (const [name, quirks, check] of broken) {
  test(`fault: ${name}`, async () => {
    const { upstream, file } = await upstreamWith(quirks)
    await using _ = upstream
    check(await get(file))
  })
}

test('a range behind a fault is sent, and a fault strikes only as often as told', async () => {
  const { upstream, file } = await upstreamWith({ dropConnectionAt: 100_000, faultyResponses: 1 })
  await using _ = upstream
  assert.equal((await get(file)).complete, false)
  assert.deepEqual((await get(file, { range: 'bytes=100001-' })).body, bytes.subarray(100_001))
  assert.deepEqual((await get(file)).body, bytes)
})

test('200 to a range, and redirects to the second port', async () => {
  const { upstream, file } = await upstreamWith({ ranges: 'ignored', redirectFiles: true })
  await using _ = upstream
  const redirect = await get(file)
  assert.equal(redirect.status, 302)
  const elsewhere = await get(String(redirect.headers.location), { range: 'bytes=0-9' })
  assert.deepEqual([elsewhere.status, elsewhere.body.length], [200, bytes.length])
})

test('a speed limit holds', async () => {
  const { upstream, file } = await upstreamWith({ bytesPerSecond: 1_000_000 })
  await using _ = upstream
  const started = performance.now()
  assert.deepEqual((await get(file)).body, bytes)
  assert.ok(performance.now() - started > 280)
})

test('hanging keeps the connection open until the upstream stops, which starts again on the same port', async () => {
  const { upstream, file } = await upstreamWith({ hangAt: 1000 })
  await using _ = upstream
  const sent = request(file, { agent: new Agent() })
  sent.end()
  const [response] = await once(sent, 'response')
  sent.on('error', () => {})
  response.on('error', () => {})
  const [chunk] = await once(response, 'data')
  assert.equal(chunk.length, 1000)
  const closed = new Promise((resolve) => response.once('close', resolve))
  await upstream.stop()
  await closed
  await assert.rejects(get(file), { code: 'ECONNREFUSED' })
  await upstream.start()
  upstream.quirks.hangAt = undefined
  assert.deepEqual((await get(file)).body, bytes)
})
