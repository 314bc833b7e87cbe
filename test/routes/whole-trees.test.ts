import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { archiveIdOf } from '../../storage/dirhash.ts'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { ask } from '../support/raw-http.ts'
import { unpackedAs } from '../support/memory-repository.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const NONE = '0'.repeat(64)
const TYPES = { tar: 'application/x-tar', 'tar.gz': 'application/gzip', 'tar.zst': 'application/zstd' } as const

async function serveTree() {
  const served = await serveMemory()
  const { repository } = served
  const manifest = repository.addTree({ 'a.py': Buffer.from('x = 1\n'), 'bin/run': Buffer.from('#!') })
  const { tree } = manifest
  const archiveId = archiveIdOf(tree.dirhash)
  const wheel = keptContent(someBytes(300))
  repository.addFile('a-1.0-py3-none-any.whl', wheel, { tree: unpackedAs(tree) })
  const pending = keptContent(someBytes(300, 2))
  repository.addFile('b-1.0-py3-none-any.whl', pending, { tree: { state: 'pending' } })
  const aliases = [`dirhash:${tree.dirhash}`, `uv:${archiveId}`]
  return {
    ...served,
    tree,
    wheel,
    pending,
    aliases,
    bytes: Buffer.from(manifest.bytes),
    [Symbol.asyncDispose]: served[Symbol.asyncDispose],
  }
}

describe('GET /trees/{id}.{form} and /wheels/{digest}/tree.{form}', () => {
  for (const [form, type] of Object.entries(TYPES)) {
    const isExact = form !== 'tar.zst'
    test(`${form} is ${type}, ${isExact ? 'with a length, ranges and a strong tag' : 'of unknown length, with a weak tag'}`, async () => {
      await using served = await serveTree()
      const { tree, wheel } = served
      for (const path of [`/trees/blake3:${tree.id}.${form}`, `/wheels/sha256:${wheel.sha256}/tree.${form}`]) {
        const { status, headers, body } = await ask(served.url, path)
        assert.deepEqual([status, headers['content-type']], [200, type])
        assert.deepEqual(body, served.bytes)
        assert.equal(headers['content-length'], isExact ? String(body.length) : undefined)
        assert.equal(headers['accept-ranges'], isExact ? 'bytes' : undefined)
        assert.equal(headers['etag'], `${isExact ? '' : 'W/'}"${form}:${tree.id}"`)
        const part = await ask(served.url, path, { headers: { Range: 'bytes=1-3' } })
        assert.equal(part.status, isExact ? 206 : 200)
        const same = await ask(served.url, path, { headers: { 'If-None-Match': headers['etag'] } })
        assert.deepEqual([same.status, same.body.length], [304, 0])
        const head = await ask(served.url, path, { method: 'HEAD' })
        assert.deepEqual([head.status, head.headers['content-length']], [200, headers['content-length']])
      }
    })
  }

  test('a tree of which no wheel is stored has no .tar.gz, which is made of one: 404', async () => {
    await using served = await serveTree()
    const { tree } = served.repository.addTree({ 'b.py': Buffer.from('y = 2\n') })
    const { status, headers, body } = await ask(served.url, `/trees/blake3:${tree.id}.tar.gz`)
    assert.deepEqual([status, headers['content-type']], [404, 'application/problem+json'])
    assert.match((JSON.parse(body.toString()) as { detail: string }).detail, /wheel that has the tree/)
    assert.equal((await ask(served.url, `/trees/blake3:${tree.id}.tar`)).status, 200)
  })

  test('a range of what has changed since is the whole: a weak tag says nothing of bytes', async () => {
    await using served = await serveTree()
    const path = `/trees/blake3:${served.tree.id}.tar`
    const { headers } = await ask(served.url, path)
    const resume = (tag: string) => ask(served.url, path, { headers: { Range: 'bytes=1-', 'If-Range': tag } })
    assert.equal((await resume(String(headers['etag']))).status, 206)
    assert.equal((await resume('"other"')).status, 200)
  })

  test('only a tar of an id is immutable; whatever else is kept is right, but may be other bytes tomorrow', async () => {
    await using served = await serveTree()
    const { tree, wheel, aliases } = served
    for (const [path, expected] of [
      [`/trees/blake3:${tree.id}.tar`, 'public, max-age=31536000, immutable'],
      [`/trees/blake3:${tree.id}.tar.gz`, 'public, max-age=31536000'],
      [`/trees/blake3:${tree.id}.tar.zst`, 'public, max-age=31536000'],
      [`/wheels/blake3:${wheel.blake3}/tree.tar.gz`, 'public, max-age=31536000, immutable'],
      [`/trees/${aliases[0]}.tar`, 'public, no-cache'],
      [`/trees/${aliases[1]}.tar.gz`, 'public, no-cache'],
    ] as const) {
      assert.equal((await ask(served.url, path)).headers['cache-control'], expected, path)
    }
  })

  for (const [path, status] of [
    [`/trees/blake3:${NONE}.tar`, 404],
    [`/trees/blake3:${NONE}.zip`, 400],
    ['/trees/.tar', 400],
    [`/wheels/sha256:${NONE}/tree.tar`, 404],
    [`/wheels/sha256:${NONE}/tree.zip`, 404],
    ['/wheels/x/tree.tar.zst', 400],
  ] as const) {
    test(`${path} is ${status}`, async () => {
      await using served = await serveTree()
      assert.equal((await ask(served.url, path)).status, status)
    })
  }
})

describe('the names that others give to trees', () => {
  test('stand for an id everywhere, but not for ever', async () => {
    await using served = await serveTree()
    for (const alias of served.aliases) {
      for (const path of ['', '/', '/a.py', '/bin/', `/diff/${alias}`]) {
        const { status, headers, body } = await ask(served.url, `/trees/${alias}${path}`)
        assert.deepEqual([status, headers['cache-control']], [200, 'public, no-cache'], `${alias}${path}`)
        if (path === '')
          assert.deepEqual([body, headers['content-location']], [served.bytes, `/trees/blake3:${served.tree.id}`])
      }
      assert.equal((await ask(served.url, `/trees/${alias}/bin`)).status, 301)
      assert.equal(
        (await ask(served.url, `/trees/${alias}/missing`, { method: 'POST', body: '{"have":[]}' })).status,
        200,
      )
    }
  })

  test('that mean several trees are a conflict, which names them', async () => {
    await using served = await serveTree()
    const twin = served.repository.addTree({ 'a.py': Buffer.from('x = 1\n'), 'bin/run*': Buffer.from('#!') })
    assert.equal(twin.tree.dirhash, served.tree.dirhash)
    for (const alias of served.aliases) {
      for (const path of [alias, `${alias}/a.py`, `${alias}/`, `${alias}.tar`]) {
        const { status, body } = await ask(served.url, `/trees/${path}`)
        const { code, trees } = JSON.parse(body.toString()) as { code: string; trees: string[] }
        assert.deepEqual([status, code], [409, 'ERR_AMBIGUOUS'])
        assert.deepEqual(new Set(trees), new Set([served.tree, twin.tree].map(({ id }) => `blake3:${id}`)))
      }
    }
    assert.equal((await ask(served.url, `/trees/blake3:${twin.tree.id}`)).status, 200)
  })
})

describe('Prefer: respond-async', () => {
  const paths = ['tree', 'tree.tar', 'tree.tar.gz', 'tree.tar.zst']

  test('a tree that is being made is 202, and when to ask again', async () => {
    await using served = await serveTree()
    for (const path of paths) {
      for (const prefer of ['respond-async', 'wait=10, Respond-Async', 'respond-async; x=1']) {
        const url = `/wheels/sha256:${served.pending.sha256}/${path}`
        const { status, headers, body } = await ask(served.url, url, { headers: { Prefer: prefer } })
        assert.deepEqual([status, headers['retry-after'], headers['preference-applied']], [202, '1', 'respond-async'])
        assert.equal(headers['cache-control'], 'no-store')
        assert.deepEqual(JSON.parse(body.toString()), { state: 'pending' })
      }
    }
  })

  test('a tree that is there is sent', async () => {
    await using served = await serveTree()
    for (const path of paths) {
      const url = `/wheels/sha256:${served.wheel.sha256}/${path}`
      assert.equal((await ask(served.url, url, { headers: { Prefer: 'respond-async' } })).status, 200)
    }
  })
})
