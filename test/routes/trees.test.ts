import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import request from 'supertest'
import { hashBlake3 } from '../../storage/digest.ts'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { ask } from '../support/raw-http.ts'
import { unpackedAs } from '../support/memory-repository.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const FILES = {
  'pkg/__init__.py': Buffer.from('x = 1\n'),
  'pkg/a+b c.txt': Buffer.from('plus\n'),
  'pkg/größe/é.json': Buffer.from('{}\n'),
  'pkg/page.HTML': Buffer.from('<script>alert(1)</script>'),
  'pkg/logo.svg': Buffer.from('<svg/>'),
  'pkg/feed.xml': Buffer.from('<a/>'),
  'pkg/100%.bin': Buffer.from('percent'),
  'bin/tool*': Buffer.from('#!/bin/sh\n'),
  'pkg/__proto__': Buffer.from('odd'),
}

async function serveTree() {
  const served = await serveMemory()
  const manifest = served.repository.addTree(FILES)
  const root = `/trees/blake3:${manifest.tree.id}`
  return { ...served, manifest, root, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

describe('GET /trees/{id}', () => {
  test('is exactly the manifest, immutable, tagged by its digest, which is its name', async () => {
    await using served = await serveTree()
    const { status, headers, body } = await ask(served.url, served.root)
    assert.equal(status, 200)
    assert.deepEqual(body, Buffer.from(served.manifest.bytes))
    assert.equal(`/trees/blake3:${hashBlake3(body)}`, served.root)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['etag'], `"blake3:${served.manifest.tree.id}"`)
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    await request(served.server).get(served.root.replace(':', '%3A')).expect(200)
    await request(served.server)
      .get(served.root)
      .set('If-None-Match', headers['etag'] ?? '')
      .expect(304)
    const part = await ask(served.url, served.root, { headers: { Range: 'bytes=-1' } })
    assert.deepEqual([part.status, part.body.toString()], [206, '\n'])
    await request(served.server).head(served.root).expect(200).expect('Content-Length', String(body.length))
  })

  for (const [id, status] of [
    [`blake3:${'0'.repeat(64)}`, 404],
    [`sha256:${'0'.repeat(64)}`, 400],
    [`blake3:${'0'.repeat(63)}`, 400],
    ['x', 400],
  ] as const) {
    test(`${id} is ${status}`, async () => {
      await using served = await serveTree()
      await request(served.server).get(`/trees/${id}`).expect(status).expect('Content-Type', 'application/problem+json')
      const { body } = await request(served.server).get(`/trees/${id}/a`).expect(status)
      if (status === 400) assert.match((body as { detail: string }).detail, /write blake3: or dirhash: .* or uv: /)
    })
  }
})

describe('GET /trees/{id}/{path}', () => {
  for (const [path, contentType, attached] of [
    ['pkg/__init__.py', 'text/plain; charset=utf-8', false],
    ['pkg/a%2Bb%20c.txt', 'text/plain; charset=utf-8', false],
    ['pkg/a+b%20c.txt', 'text/plain; charset=utf-8', false],
    ['pkg/gr%C3%B6%C3%9Fe/%C3%A9.json', 'application/json', false],
    ['pkg/100%25.bin', 'application/octet-stream', false],
    ['pkg/__proto__', 'application/octet-stream', false],
    ['pkg/page.HTML', 'text/html', true],
    ['pkg/logo.svg', 'image/svg+xml', true],
    ['pkg/feed.xml', 'application/xml', true],
  ] as const) {
    test(`I3: ${path} is ${contentType}, sandboxed${attached ? ', and a download' : ''}`, async () => {
      await using served = await serveTree()
      const { status, headers, body } = await ask(served.url, `${served.root}/${path}`)
      assert.equal(status, 200)
      assert.deepEqual(body, FILES[decodeURIComponent(path) as keyof typeof FILES])
      assert.equal(headers['content-type'], contentType)
      assert.equal(headers['content-disposition'], attached ? 'attachment' : undefined)
      assert.match(String(headers['content-security-policy']), /sandbox/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(headers['x-arbor-blake3'], hashBlake3(body))
      assert.equal(headers['x-arbor-executable'], 'false')
    })
  }

  test('says what is executable', async () => {
    await using served = await serveTree()
    await request(served.server).get(`${served.root}/bin/tool`).expect(200).expect('X-Arbor-Executable', 'true')
    await request(served.server).head(`${served.root}/bin/tool`).expect(200).expect('X-Arbor-Executable', 'true')
  })

  test('comes as gzip to who takes that, where it is shorter, with a tag of its own and the digest of the file itself', async () => {
    await using served = await serveMemory()
    const text = Buffer.from('long '.repeat(1000))
    const { tree } = served.repository.addTree({ 'a/long.txt': text, short: Buffer.from('x') })
    const root = `/trees/blake3:${tree.id}`
    const plain = await ask(served.url, `${root}/a/long.txt`)
    const coded = await ask(served.url, `${root}/a/long.txt`, { headers: { 'Accept-Encoding': 'br, gzip, zstd' } })
    assert.equal(plain.headers['content-encoding'], undefined)
    assert.equal(coded.headers['content-encoding'], 'gzip')
    assert.deepEqual(gunzipSync(coded.body), text)
    assert.equal(coded.headers['content-length'], String(coded.body.length))
    assert.match(String(coded.headers['etag']), /^"blake3:[0-9a-f]{64}-gzip-[0-9a-f]{32}"$/)
    for (const { headers } of [plain, coded]) {
      assert.equal(headers['vary'], 'Accept-Encoding')
      assert.equal(headers['x-arbor-blake3'], hashBlake3(text))
    }
    const tag = { 'If-None-Match': String(coded.headers['etag']) }
    const again = await ask(served.url, `${root}/a/long.txt`, { headers: { 'Accept-Encoding': 'gzip', ...tag } })
    assert.deepEqual([again.status, again.headers['vary']], [304, 'Accept-Encoding'])
    assert.equal((await ask(served.url, `${root}/a/long.txt`, { headers: tag })).status, 200)
    const part = await ask(served.url, `${root}/a/long.txt`, {
      headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=2-' },
    })
    assert.equal(part.headers['content-encoding'], 'gzip')
    assert.deepEqual(part.body, coded.body.subarray(2))
    for (const refused of ['identity', 'gzip;q=0', 'gzip;q=0.5, identity', 'zstd']) {
      const answer = await ask(served.url, `${root}/a/long.txt`, { headers: { 'Accept-Encoding': refused } })
      assert.deepEqual(answer.body, text, refused)
    }
    const short = await ask(served.url, `${root}/short`, { headers: { 'Accept-Encoding': 'gzip' } })
    assert.deepEqual([short.headers['content-encoding'], short.body.toString()], [undefined, 'x'])
  })

  for (const [path, status] of [
    ['nothing', 404],
    ['pkg/__init__.py/', 404],
    ['nothing/', 404],
    ['pkg//', 400],
    ['pkg//__init__.py', 400],
    ['pkg%2F__init__.py', 400],
    ['pkg/%2E%2E%2Fx', 400],
    ['pkg/a%00', 400],
    ['pkg/%E0%A4', 400],
    ['pkg/__init__.py/x', 404],
  ] as const) {
    test(`${path} is ${status}`, async () => {
      await using served = await serveTree()
      const answer = await ask(served.url, `${served.root}/${path}`)
      assert.equal(answer.status, status)
      assert.equal(answer.headers['content-type'], 'application/problem+json')
    })
  }
})

describe('GET /wheels/{digest}', () => {
  const wheel = keptContent(someBytes(3000))

  test('is the wheel, by either digest', async () => {
    await using served = await serveTree()
    served.repository.addFile('a-1.0-py3-none-any.whl', wheel)
    for (const digest of [`sha256:${wheel.sha256}`, `blake3:${wheel.blake3}`]) {
      const { status, headers, body } = await ask(served.url, `/wheels/${digest}`)
      assert.equal(status, 200)
      assert.deepEqual(body, wheel.bytes)
      assert.equal(headers['etag'], `"sha256:${wheel.sha256}"`)
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    }
    await request(served.server)
      .get(`/wheels/sha256:${'0'.repeat(64)}`)
      .expect(404)
    await request(served.server).get('/wheels/sha256:0').expect(400)
  })

  test('/tree is the manifest, and says where it lives', async () => {
    await using served = await serveTree()
    const { tree, bytes } = served.manifest
    served.repository.addFile('a-1.0-py3-none-any.whl', wheel, { tree: unpackedAs(tree) })
    const { status, headers, body } = await ask(served.url, `/wheels/sha256:${wheel.sha256}/tree`)
    assert.equal(status, 200)
    assert.deepEqual(body, Buffer.from(bytes))
    assert.equal(headers['content-location'], served.root)
    await request(served.server)
      .get(`/wheels/sha256:${'0'.repeat(64)}/tree`)
      .expect(404)
    await request(served.server).get('/wheels/md5:0/tree').expect(400)
  })

  test('/tree of an archive that was refused is 422 with the reason and the member; the wheel itself is served (I2)', async () => {
    await using served = await serveTree()
    const refused = { state: 'refused', reason: 'duplicate', detail: 'it is there twice', path: 'a.py' } as const
    served.repository.addFile('a-1.0-py3-none-any.whl', wheel, { tree: refused })
    const { body } = await request(served.server).get(`/wheels/blake3:${wheel.blake3}/tree`).expect(422)
    const { status, code, reason, path } = body as Record<string, unknown>
    assert.deepEqual(
      { status, code, reason, path },
      { status: 422, code: 'ERR_ARCHIVE_REFUSED', reason: 'duplicate', path: 'a.py' },
    )
    await request(served.server).get(`/wheels/blake3:${wheel.blake3}`).expect(200)
  })
})

describe('GET /blobs/{digest}', () => {
  test('is any stored bytes, with no guess at their type', async () => {
    await using served = await serveTree()
    const [file] = served.manifest.tree.files
    const { status, headers, body } = await ask(served.url, `/blobs/blake3:${file?.blake3}`)
    assert.equal(status, 200)
    assert.equal(hashBlake3(body), file?.blake3)
    assert.equal(headers['content-type'], 'application/octet-stream')
    await request(served.server).get(`/blobs/blake3:${served.manifest.tree.id}`).expect(200)
    await request(served.server)
      .get(`/blobs/blake3:${'0'.repeat(64)}`)
      .expect(404)
    await request(served.server).get('/blobs/blake3').expect(400)
  })
})
