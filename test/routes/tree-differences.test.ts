import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compareTrees } from '../../routes/compare-trees.ts'
import { createTree } from '../../storage/manifest.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const NONE = '0'.repeat(64)

async function serveTree() {
  const served = await serveMemory()
  const { tree } = served.repository.addTree({ 'a.py': Buffer.from('x = 1\n'), 'bin/run': Buffer.from('#!') })
  return { ...served, tree, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

function post(served: { readonly url: string }, path: string, body: string): Promise<Exchange> {
  return ask(served.url, path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
}

describe('GET /trees/{id}/diff/{other}', () => {
  test('lists what is added, removed and changed, with sizes', async () => {
    await using served = await serveMemory()
    const { repository } = served
    const from = repository.addTree(
      {
        'a-same': Buffer.from('same'),
        'b-gone': Buffer.from('gone'),
        'c-changed': Buffer.from('old'),
        'd-mode': Buffer.from('run'),
        'e*': Buffer.from('x'),
      },
      ['f/gone', 'f/same'],
    ).tree
    const to = repository.addTree(
      {
        'a-new': Buffer.from('new'),
        'a-same': Buffer.from('same'),
        'c-changed*': Buffer.from('newer'),
        'd-mode*': Buffer.from('run'),
        'e*': Buffer.from('x'),
        'z/ü': Buffer.alloc(0),
      },
      ['f/new', 'f/same'],
    ).tree
    const fileOf = ({ files }: typeof from, wanted: string) => {
      const file = files.find(({ path }) => path === wanted)
      return { path: file?.path, size: file?.size, blake3: `blake3:${file?.blake3}`, executable: file?.executable }
    }
    const { path: _, ...before } = fileOf(from, 'c-changed')
    const { path, ...after } = fileOf(to, 'c-changed')
    const url = `/trees/blake3:${from.id}/diff/blake3:${to.id}`
    const { status, headers, body } = await ask(served.url, url)
    assert.equal(status, 200)
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.deepEqual(JSON.parse(body.toString()), {
      from: `blake3:${from.id}`,
      to: `blake3:${to.id}`,
      added: [fileOf(to, 'a-new'), fileOf(to, 'z/ü')],
      removed: [fileOf(from, 'b-gone')],
      changed: [{ path, from: before, to: after }],
      modeChanged: [fileOf(to, 'd-mode')],
      emptyDirectories: { added: ['f/new'], removed: ['f/gone'] },
    })
    const back = JSON.parse(
      (await ask(served.url, `/trees/blake3:${to.id}/diff/blake3:${from.id}`)).body.toString(),
    ) as Record<string, unknown>
    assert.deepEqual(
      [back['added'], back['removed']],
      [[fileOf(from, 'b-gone')], [fileOf(to, 'a-new'), fileOf(to, 'z/ü')]],
    )
    const same = JSON.parse(
      (await ask(served.url, `/trees/blake3:${to.id}/diff/blake3:${to.id}`)).body.toString(),
    ) as Record<string, unknown>
    assert.deepEqual([same['added'], same['removed'], same['changed'], same['modeChanged']], [[], [], [], []])
  })

  test('a tree that is not there is 404, on either side; a folder of this name is a folder', async () => {
    await using served = await serveMemory()
    const { tree } = served.repository.addTree({ 'diff/a.py': Buffer.from('a'), 'diff/b/c.py': Buffer.from('b') })
    const root = `/trees/blake3:${tree.id}`
    assert.equal((await ask(served.url, `${root}/diff/blake3:${NONE}`)).status, 404)
    assert.equal((await ask(served.url, `/trees/blake3:${NONE}/diff/blake3:${tree.id}`)).status, 404)
    assert.equal((await ask(served.url, `${root}/diff/a.py`)).body.toString(), 'a')
    assert.equal((await ask(served.url, `${root}/diff/b/c.py`)).body.toString(), 'b')
    assert.equal((await ask(served.url, `${root}/diff/`)).status, 200)
    assert.equal((await ask(served.url, `${root}/diff`)).status, 301)
  })
})

describe('POST /trees/{id}/missing', () => {
  test('sends the blobs that are not in the list, with their length, and is kept by nobody', async () => {
    await using served = await serveTree()
    const [first, second] = served.tree.files
    const path = `/trees/blake3:${served.tree.id}/missing`
    for (const [have, expected] of [
      [[], 'x = 1\n#!'],
      [[first?.blake3], '#!'],
      [[second?.blake3, NONE, second?.blake3], 'x = 1\n'],
      [[first?.blake3, second?.blake3], ''],
    ] as const) {
      const list = have.map((hex) => `blake3:${hex}`)
      const { status, headers, body, complete } = await post(served, path, JSON.stringify({ have: list }))
      assert.deepEqual([status, body.toString(), complete], [200, expected, true])
      assert.equal(headers['content-length'], String(expected.length))
      assert.equal(headers['content-type'], 'application/x-tar')
      assert.equal(headers['cache-control'], 'no-store')
    }
  })

  for (const [body, status] of [
    ['', 400],
    ['[]', 400],
    ['null', 400],
    ['{}', 400],
    ['{"have":"blake3:0"}', 400],
    ['{"have":[1]}', 400],
    ['{"have":[null]}', 400],
    [`{"have":[["blake3:${NONE}"]]}`, 400],
    ['{"have":[{"toString":0}]}', 400],
    [`{"have":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`, 400],
    [gzipSync('{"have":[]}').toString('latin1'), 400],
    [`{"have":["sha256:${NONE}"]}`, 400],
    [`{"have":["${NONE}"]}`, 400],
    [`{"have":[]}${' '.repeat(9_000_000)}`, 413],
  ] as const) {
    test(`${JSON.stringify(body.slice(0, 30))} is ${status}`, async () => {
      await using served = await serveTree()
      const answer = await post(served, `/trees/blake3:${served.tree.id}/missing`, body)
      assert.equal(answer.status, status)
      assert.equal(answer.headers['content-type'], 'application/problem+json')
    })
  }

  test('what has more brackets or keys than a list of digests is not even parsed: millions take seconds', async () => {
    await using served = await serveTree()
    const path = `/trees/blake3:${served.tree.id}/missing`
    for (const many of ['{},', '[],', '"key":0,', '"key"\n : 0,']) {
      const answer = await post(served, path, `{"have":[${many.repeat(1000)} and no JSON`)
      assert.equal(answer.status, 400)
      assert.match(answer.body.toString(), /this has more in it/)
    }
    assert.equal((await post(served, path, '{"have":[],"client":{"name":"a","tags":["b"]}}')).status, 200)
  })

  test('A18: a browser may send the list from any origin', async () => {
    await using served = await serveTree()
    const { status, headers } = await ask(served.url, `/trees/blake3:${served.tree.id}/missing`, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://notebook.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    })
    assert.equal(status, 204)
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.ok(headers['access-control-allow-methods']?.split(', ').includes('POST'))
    assert.ok(headers['access-control-allow-headers']?.split(', ').includes('Content-Type'))
    const answer = await post(served, `/trees/blake3:${served.tree.id}/missing`, '{"have":[]}')
    assert.equal(answer.headers['access-control-allow-origin'], '*')
  })

  test('of a tree that is not there it is 404', async () => {
    await using served = await serveTree()
    assert.equal((await post(served, `/trees/blake3:${NONE}/missing`, '{"have":[]}')).status, 404)
    assert.equal((await post(served, '/trees/x/missing', '{"have":[]}')).status, 400)
  })
})

test('a tree is not compared with itself', async () => {
  const { tree } = createTree([], [])
  const unread = new Proxy(tree, {
    get(target, key): unknown {
      if (key === 'id') return target.id
      throw new Error(`${String(key)} is read`)
    },
  })
  assert.deepEqual((await compareTrees(unread, unread)).changed, [])
})
