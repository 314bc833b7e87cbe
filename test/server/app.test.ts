import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request from 'supertest'
import { UpstreamError } from '../../server/errors.ts'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const HEX = 'a'.repeat(64)
const READ_PATHS = [
  '/',
  '/health',
  '/simple/',
  '/simple/a/',
  '/main/simple/a/',
  `/files/main/${HEX}/a-1.0-py3-none-any.whl`,
  `/wheels/sha256:${HEX}`,
  `/wheels/sha256:${HEX}/tree`,
  `/trees/blake3:${HEX}`,
  `/trees/blake3:${HEX}/a/b`,
  `/blobs/blake3:${HEX}`,
  `/lookup/blake3:${HEX}`,
]

for (const path of READ_PATHS) {
  describe(path.replace(HEX, '<hex>'), () => {
    for (const method of ['post', 'put', 'delete', 'patch'] as const) {
      test(`A16, J1: ${method} is 405 with Allow and a problem`, async () => {
        await using served = await serveMemory()
        const asked = request(served.server)[method](path)
        const { body } = await asked
          .expect(405)
          .expect('Allow', 'GET, HEAD, OPTIONS')
          .expect('Content-Type', 'application/problem+json')
        assert.equal((body as { code: string }).code, 'ERR_METHOD_NOT_ALLOWED')
      })
    }

    test('A18: a browser may ask for ranges from any origin', async () => {
      await using served = await serveMemory()
      const { headers } = await request(served.server)
        .options(path)
        .set('Origin', 'https://notebook.example')
        .set('Access-Control-Request-Headers', 'range')
        .expect(204)
        .expect('Access-Control-Allow-Origin', '*')
      for (const name of ['Range', 'Accept', 'Accept-Encoding']) {
        assert.ok(headers['access-control-allow-headers']?.split(', ').includes(name))
      }
    })
  })
}

test('A18: what a response says can be read by scripts of any origin, also where it is a problem', async () => {
  await using served = await serveMemory()
  const path = served.repository.addFile('a-1.0-py3-none-any.whl', keptContent(someBytes(10)))
  for (const asked of [path, '/nothing']) {
    const { headers } = await request(served.server).get(asked).expect('Access-Control-Allow-Origin', '*')
    const names = 'Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After, Preference-Applied, X-Request-Id'
    for (const name of names.split(', ')) {
      assert.ok(headers['access-control-expose-headers']?.split(', ').includes(name), name)
    }
  }
})

test('/admin is for no other origin, and has its own methods', async () => {
  await using served = await serveMemory()
  const { headers } = await request(served.server).options('/admin/prune').expect(401)
  assert.equal(headers['access-control-allow-methods'], undefined)
  const authorized = request(served.server).get('/admin/prune').set('Authorization', 'Bearer a-token-for-tests')
  await authorized.expect(405).expect('Allow', 'POST')
  const asked = request(served.server).options('/admin/stats').set('Authorization', 'Bearer a-token-for-tests')
  await asked.expect(405).expect('Allow', 'GET, HEAD')
})

for (const path of ['/nothing', '/simple/a/b/c', '/%zz', '/trees', '/wheels/', '//']) {
  test(`G6, G7: ${path} is 404 and a problem that nobody keeps`, async () => {
    await using served = await serveMemory()
    await request(served.server)
      .get(path)
      .expect(404)
      .expect('Content-Type', 'application/problem+json')
      .expect('Cache-Control', 'no-store')
  })
}

test('an error that nobody foresaw tells the client its request id, and the log the rest', async () => {
  await using served = await serveMemory()
  served.repository.failure = new TypeError('password is hunter2')
  const { body, text } = await request(served.server)
    .get('/simple/a/')
    .set('X-Request-Id', 'from-a-proxy.1')
    .expect(500)
  const { code, requestId } = body as Record<string, unknown>
  assert.equal(code, 'ERR_INTERNAL')
  assert.equal(requestId, 'from-a-proxy.1')
  assert.ok(!text.includes('hunter2'))
  const [line] = served.logged
  assert.deepEqual(line?.fields, {
    requestId: 'from-a-proxy.1',
    method: 'GET',
    path: '/simple/a/',
    status: 500,
    err: served.repository.failure,
  })
})

test("trouble of upstream's is told in full to the client, and to the log without a stack of ours", async () => {
  await using served = await serveMemory()
  const reason = 'https://index.example/simple/a/: connect ECONNREFUSED'
  served.repository.failure = new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', reason)
  const { body } = await request(served.server).get('/simple/a/').set('X-Request-Id', 'one').expect(502)
  const { code, detail } = body as Record<string, unknown>
  assert.equal(detail, reason)
  const about = { requestId: 'one', method: 'GET', path: '/simple/a/', status: 502 }
  assert.deepEqual(served.logged[0]?.fields, { ...about, code, reason })
})

test('an index that there is none is named', async () => {
  await using served = await serveMemory()
  const { body } = await request(served.server).get('/nowhere/simple/a/').expect(404)
  assert.equal((body as { detail: string }).detail, 'There is no index nowhere here.')
})

test('a request id that could break a log line is replaced', async () => {
  await using served = await serveMemory()
  const { body } = await request(served.server).get('/nothing').set('X-Request-Id', 'a b{}').expect(404)
  assert.match((body as { requestId: string }).requestId, /^[0-9a-f-]{36}$/)
  assert.deepEqual(served.logged, [])
})
