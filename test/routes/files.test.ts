import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request from 'supertest'
import type { Content } from '../../routes/content.ts'
import { keptContent, someBytes, streamedContent } from '../support/memory-content.ts'
import { ask } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const BYTES = someBytes(20_000)
const WHEEL = 'a_b-1.0+cpu-py3-none-any.whl'
const METADATA = Buffer.from('Metadata-Version: 2.1\r\nName: a-b\nVersion: 1.0+cpu\n\n\u00e9\n')
const IMMUTABLE = 'public, max-age=31536000, immutable'

async function serveFile(content: Content) {
  const served = await serveMemory()
  const path = served.repository.addFile(WHEEL, content, { metadata: METADATA })
  const etag = `"sha256:${content.sha256}"`
  return { ...served, path, etag, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

/** What pip, uv and poetry rely on is the same whether the bytes come from memory or from the disk. */
for (const [where, content] of [
  ['from memory', () => keptContent(BYTES)],
  ['from the disk', () => streamedContent(BYTES)],
] as const) {
  describe(`a file ${where}`, () => {
    test('E1: GET has the exact bytes, their length and digests, and no coding', async () => {
      await using served = await serveFile(content())
      const { status, headers, body, complete } = await ask(served.url, served.path, {
        headers: { 'Accept-Encoding': 'gzip, deflate, zstd' },
      })
      assert.equal(status, 200)
      assert.ok(complete)
      assert.deepEqual(body, BYTES)
      assert.equal(headers['content-length'], String(BYTES.length))
      assert.equal(headers['content-type'], 'application/octet-stream')
      assert.equal(headers['content-encoding'], undefined)
      assert.equal(headers['transfer-encoding'], undefined)
      assert.equal(headers['accept-ranges'], 'bytes')
      assert.equal(headers['etag'], served.etag)
      assert.equal(headers['cache-control'], IMMUTABLE)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      const sha256 = Buffer.from(served.etag.slice(8, -1), 'hex').toString('base64')
      assert.equal(headers['repr-digest'], `sha-256=:${sha256}:`)
      assert.match(String(headers['x-arbor-blake3']), /^[0-9a-f]{64}$/)
    })

    test('E2: HEAD has the same headers and no body', async () => {
      await using served = await serveFile(content())
      const get = await ask(served.url, served.path)
      const head = await ask(served.url, served.path, { method: 'HEAD' })
      assert.equal(head.status, 200)
      assert.equal(head.body.length, 0)
      assert.deepEqual({ ...head.headers, date: '' }, { ...get.headers, date: '' })
    })

    test('E2: HEAD ignores Range', async () => {
      await using served = await serveFile(content())
      const { status, headers } = await ask(served.url, served.path, {
        method: 'HEAD',
        headers: { Range: 'bytes=0-9' },
      })
      assert.equal(status, 200)
      assert.equal(headers['content-length'], String(BYTES.length))
    })

    for (const [row, range, first, last] of [
      ['E3', 'bytes=0-99', 0, 99],
      ['E3', 'bytes=999-2000', 999, 2000],
      ['E4', 'bytes=-10000', 10_000, 19_999],
      ['E4', 'bytes=-30000', 0, 19_999],
      ['E5', 'bytes=500-', 500, 19_999],
      ['E7', 'bytes=19999-99999', 19_999, 19_999],
    ] as const) {
      test(`${row}: ${range} is 206`, async () => {
        await using served = await serveFile(content())
        const { status, headers, body, complete } = await ask(served.url, served.path, { headers: { Range: range } })
        assert.equal(status, 206)
        assert.ok(complete)
        assert.deepEqual(body, BYTES.subarray(first, last + 1))
        assert.equal(headers['content-range'], `bytes ${first}-${last}/20000`)
        assert.equal(headers['content-length'], String(last - first + 1))
        assert.equal(headers['accept-ranges'], 'bytes')
        assert.equal(headers['etag'], served.etag)
      })
    }

    for (const range of ['bytes=20000-', 'bytes=-0']) {
      test(`E6: ${range} is 416`, async () => {
        await using served = await serveFile(content())
        await request(served.server)
          .get(served.path)
          .set('Range', range)
          .expect(416)
          .expect('Content-Range', 'bytes */20000')
          .expect('Content-Type', 'application/problem+json')
      })
    }

    for (const [row, range] of [
      ['E7', 'bytes=5-2'],
      ['E7', 'items=0-1'],
      ['E7', 'garbage'],
      ['E8', 'bytes=0-1,5-6'],
    ] as const) {
      test(`${row}: ${range} is ignored`, async () => {
        await using served = await serveFile(content())
        const { status, body, headers } = await ask(served.url, served.path, { headers: { Range: range } })
        assert.equal(status, 200)
        assert.equal(headers['content-range'], undefined)
        assert.deepEqual(body, BYTES)
      })
    }

    test('E9: If-Range with the ETag is 206; with another, a weak one or a date it is the whole', async () => {
      await using served = await serveFile(content())
      const headers = { Range: 'bytes=0-9' }
      const match = await ask(served.url, served.path, { headers: { ...headers, 'If-Range': served.etag } })
      assert.equal(match.status, 206)
      for (const validator of ['"x"', `W/${served.etag}`, 'Tue, 15 Nov 1994 12:45:26 GMT']) {
        const other = await ask(served.url, served.path, { headers: { ...headers, 'If-Range': validator } })
        assert.equal(other.status, 200)
        assert.equal(other.body.length, BYTES.length)
      }
    })

    test('E10: If-None-Match is 304 with the ETag and no body', async () => {
      await using served = await serveFile(content())
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, body } = await ask(served.url, served.path, {
          method,
          headers: { 'If-None-Match': `"x", W/${served.etag}`, Range: 'bytes=0-9' },
        })
        assert.equal(status, 304)
        assert.equal(headers['etag'], served.etag)
        assert.equal(headers['cache-control'], IMMUTABLE)
        assert.equal(headers['content-length'], undefined)
        assert.equal(body.length, 0)
      }
    })
  })
}

test('E11: a path with "+" and with "%2B" is the same file', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile(WHEEL, keptContent(BYTES))
  assert.ok(path.includes('%2B'))
  await request(served.server).get(path).expect(200)
  await request(served.server).get(path.replace('%2B', '+')).expect(200)
  await request(served.server).get(path.replace('%2B', '%2b').replace('whl', '%77hl')).expect(200)
})

test('E12: a stray query or escaped fragment is ignored', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile(WHEEL, keptContent(BYTES), { metadata: METADATA })
  await request(served.server).get(`${path}?x=1`).expect(200)
  await request(served.server).get(`${path}%23sha256=abc`).expect(200)
  await request(served.server)
    .get(`${path}.metadata?x=1`)
    .expect(200)
    .expect('Content-Type', /^text\/plain/)
})

test('E17: without a SHA-256 in the URL nothing is immutable', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile(WHEEL, keptContent(BYTES), { hashed: false, metadata: METADATA })
  assert.match(path, /\/unhashed\//)
  await request(served.server).get(path).expect(200).expect('Cache-Control', 'public, no-cache')
  await request(served.server).get(`${path}.metadata`).expect(200).expect('Cache-Control', 'public, no-cache')
})

test('a length that nobody knows yet is not made up, and ranges are not promised', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile(WHEEL, streamedContent(BYTES, { sized: false, stored: false }))
  const get = await ask(served.url, path, { headers: { Range: 'bytes=0-9' } })
  assert.equal(get.status, 200)
  assert.deepEqual(get.body, BYTES)
  assert.ok(get.complete)
  assert.equal(get.headers['accept-ranges'], undefined)
  assert.equal(get.headers['transfer-encoding'], 'chunked')
  const head = await ask(served.url, path, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers['content-length'], undefined)
})

test('F1, F3, F6: .metadata has the exact bytes, HEAD and 304', async () => {
  await using served = await serveMemory()
  const path = `${served.repository.addFile(WHEEL, keptContent(BYTES), { metadata: METADATA })}.metadata`
  const get = await ask(served.url, path, { headers: { 'Accept-Encoding': 'gzip' } })
  assert.equal(get.status, 200)
  assert.deepEqual(get.body, METADATA)
  assert.equal(get.headers['content-type'], 'text/plain; charset=utf-8')
  assert.equal(get.headers['content-length'], String(METADATA.length))
  assert.equal(get.headers['cache-control'], IMMUTABLE)
  const etag = String(get.headers['etag'])
  assert.match(etag, /^"sha256:[0-9a-f]{64}"$/)
  await request(served.server).head(path).expect(200).expect('Content-Length', String(METADATA.length))
  await request(served.server).get(path).set('If-None-Match', etag).expect(304)
})

test('F4: no metadata is 404', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile('a-1.0.tar.gz', keptContent(BYTES))
  await request(served.server).get(`${path}.metadata`).expect(404).expect('Content-Type', 'application/problem+json')
})

describe('a file that is not there', () => {
  const hex = 'a'.repeat(64)
  for (const [path, status] of [
    [`/files/main/${hex}/x-1.0-py3-none-any.whl`, 404],
    [`/files/other/${hex}/x-1.0-py3-none-any.whl`, 404],
    [`/files/main/unhashed/x-1.0-py3-none-any.whl`, 404],
    [`/files/main/abc/x-1.0-py3-none-any.whl`, 400],
    [`/files/main/${hex}/a%2Fb.whl`, 400],
    [`/files/main/${hex}/%2e%2e`, 404],
    [`/files/main/${hex}/%ff`, 400],
    [`/files/main/${hex}/`, 404],
    [`/files/..%2Fmain/${hex}/a.whl`, 400],
    [`/files/main/${hex}`, 404],
  ] as const) {
    test(`G6, G7: ${path.replace(hex, '<sha256>')} is a problem, ${status}`, async () => {
      await using served = await serveMemory()
      served.repository.addFile(WHEEL, keptContent(BYTES))
      const { status: actual, headers, body } = await ask(served.url, path)
      assert.equal(actual, status)
      assert.equal(headers['content-type'], 'application/problem+json')
      assert.equal(headers['cache-control'], 'no-store')
      const problem = JSON.parse(body.toString()) as Record<string, unknown>
      assert.equal(problem['status'], status)
      assert.equal(typeof problem['detail'], 'string')
    })
  }
})
