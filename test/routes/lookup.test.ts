import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request from 'supertest'
import { archiveIdOf } from '../../storage/dirhash.ts'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { ask } from '../support/raw-http.ts'
import { unpackedAs } from '../support/memory-repository.ts'
import { serveMemory } from '../support/routes-fixture.ts'

async function serveProject() {
  const served = await serveMemory()
  const { repository } = served
  const { tree } = repository.addTree({ 'a.py': Buffer.from('x = 1\n') })
  const archiveId = archiveIdOf(tree.dirhash)
  const unpacked = unpackedAs(tree)
  const wheel = keptContent(someBytes(3000))
  repository.addFile('a_b-1.0-py3-none-any.whl', wheel, { tree: unpacked })
  repository.addFile('a_b-1.0.tar.gz', keptContent(someBytes(10, 2)))
  repository.addFile('a_b-2.0rc1.tar.gz', keptContent(someBytes(10, 3)))
  repository.addFile('other-1.0.tar.gz', keptContent(someBytes(10, 4)))
  const expected = {
    sha256: `sha256:${wheel.sha256}`,
    blake3: `blake3:${wheel.blake3}`,
    size: 3000,
    seen: [{ index: 'main', project: 'a-b', filename: 'a_b-1.0-py3-none-any.whl' }],
    tree: { ...unpacked, id: `blake3:${tree.id}` },
  }
  return { ...served, wheel, tree, archiveId, expected, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

test('what a client has already is not sent again', async () => {
  await using served = await serveProject()
  for (const path of [`/lookup/sha256:${served.wheel.sha256}`, '/lookup/main/a-b', '/lookup/main/a-b/1.0']) {
    const { headers, body } = await ask(served.url, path)
    assert.equal(headers['cache-control'], 'public, no-cache')
    const head = await ask(served.url, path, { method: 'HEAD' })
    assert.deepEqual([head.headers['etag'], head.headers['content-length']], [headers['etag'], String(body.length)])
    const again = await ask(served.url, path, { headers: { 'If-None-Match': String(headers['etag']) } })
    assert.deepEqual([again.status, again.body.length, again.headers['etag']], [304, 0, headers['etag']])
  }
})

describe('GET /lookup/{key}', () => {
  test('says all that is known of a wheel, by whichever of its names, or of its tree', async () => {
    await using served = await serveProject()
    const { wheel, tree, archiveId, expected } = served
    for (const key of [
      `sha256:${wheel.sha256}`,
      `blake3:${wheel.blake3}`,
      `blake3:${tree.id}`,
      `blake3:${tree.dirhash}`,
      `dirhash:${tree.dirhash}`,
      `uv:${archiveId}`,
    ]) {
      await request(served.server)
        .get(`/lookup/${key}`)
        .expect(200, { wheels: [expected] })
        .expect('Content-Type', 'application/json')
        .expect('Cache-Control', 'public, no-cache')
    }
  })

  for (const [key, status] of [
    [`sha256:${'0'.repeat(64)}`, 404],
    [`dirhash:${'0'.repeat(64)}`, 404],
    [`uv:${'0'.repeat(24)}`, 404],
    ['abc', 400],
    ['0'.repeat(24), 400],
    [`uv:${'0'.repeat(23)}`, 400],
    [`uv:${'A'.repeat(24)}`, 400],
    ['dirhash:0', 400],
  ] as const) {
    test(`${key} is ${status}`, async () => {
      await using served = await serveProject()
      await request(served.server)
        .get(`/lookup/${key}`)
        .expect(status)
        .expect('Content-Type', 'application/problem+json')
    })
  }
})

describe('GET /lookup/{index}/{project}[/{version}[/{filename}]]', () => {
  for (const [path, filenames] of [
    ['main/a-b', ['a_b-1.0-py3-none-any.whl', 'a_b-1.0.tar.gz', 'a_b-2.0rc1.tar.gz']],
    ['main/A.B', ['a_b-1.0-py3-none-any.whl', 'a_b-1.0.tar.gz', 'a_b-2.0rc1.tar.gz']],
    ['main/a-b/1.0', ['a_b-1.0-py3-none-any.whl', 'a_b-1.0.tar.gz']],
    ['main/a-b/1', ['a_b-1.0-py3-none-any.whl', 'a_b-1.0.tar.gz']],
    ['main/a-b/2.0-RC.1', ['a_b-2.0rc1.tar.gz']],
    ['main/a-b/1.0/a_b-1.0.tar.gz', ['a_b-1.0.tar.gz']],
  ] as const) {
    test(`${path} is ${filenames.join(', ')}`, async () => {
      await using served = await serveProject()
      const { status, headers, body } = await ask(served.url, `/lookup/${path}`)
      assert.equal(status, 200)
      assert.equal(headers['cache-control'], 'public, no-cache')
      const { wheels } = JSON.parse(body.toString()) as { wheels: { seen: { filename: string }[] }[] }
      assert.deepEqual(
        wheels.map(({ seen }) => seen[0]?.filename),
        filenames,
      )
    })
  }

  for (const [path, status] of [
    ['other/a-b', 404],
    ['main/nothing', 404],
    ['main/a-b/3.0', 404],
    ['main/a-b/2.0rc1/a_b-1.0.tar.gz', 404],
    ['main/-', 400],
    ['UPPER/a', 400],
    ['main/a-b/1.0/%00', 400],
  ] as const) {
    test(`${path} is ${status}`, async () => {
      await using served = await serveProject()
      await request(served.server)
        .get(`/lookup/${path}`)
        .expect(status)
        .expect('Content-Type', 'application/problem+json')
    })
  }
})
