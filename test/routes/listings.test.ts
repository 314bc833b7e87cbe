import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { ask } from '../support/raw-http.ts'
import { unpackedAs } from '../support/memory-repository.ts'
import { serveMemory } from '../support/routes-fixture.ts'

const HOSTILE = '<img src=x onerror=alert(1)>"\'&.txt'
const FILES = {
  'pkg/__init__.py': Buffer.from('x = 1\n'),
  'pkg/sub/deep/a.py': Buffer.alloc(2000),
  'pkg/sub/b.py': Buffer.alloc(1000),
  'pkg/run*': Buffer.from('#!'),
  'pkg-more/x': Buffer.from('not below pkg/'),
  [`odd/${HOSTILE}`]: Buffer.from('odd'),
  'odd/javascript:alert(1)': Buffer.from('scheme'),
  'odd/a:b/100%#?.txt': Buffer.from('colon'),
  'größe/é.txt': Buffer.from('é'),
}
const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

async function serveTree() {
  const served = await serveMemory()
  const { tree } = served.repository.addTree(FILES, ['pkg/empty', 'void/inner'])
  served.repository.addFile('a-1.0-py3-none-any.whl', keptContent(someBytes(300)), { tree: unpackedAs(tree) })
  const root = `/trees/blake3:${tree.id}`
  return { ...served, tree, root, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}

describe('GET /trees/{id}/[{directory}/]', () => {
  test('is JSON by default: directories with their sums, files with their digests', async () => {
    await using served = await serveTree()
    const { status, headers, body } = await ask(served.url, `${served.root}/pkg/`)
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['vary'], 'Accept')
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    const fileOf = (name: string) => {
      const file = served.tree.files.find(({ path }) => path === `pkg/${name}`)
      return { name, size: file?.size, blake3: `blake3:${file?.blake3}`, executable: file?.executable }
    }
    assert.deepEqual(JSON.parse(body.toString()), {
      tree: served.root.slice('/trees/'.length),
      path: 'pkg',
      portable: false,
      directories: [
        { name: 'empty', files: 0, size: 0 },
        { name: 'sub', files: 2, size: 3000 },
      ],
      files: [fileOf('__init__.py'), fileOf('run')],
    })
    const again = await ask(served.url, `${served.root}/pkg/`, { headers: { 'If-None-Match': headers['etag'] ?? '' } })
    assert.equal(again.status, 304)
  })

  test('the root has the directories of the first level, those that only lead to an empty one too', async () => {
    await using served = await serveTree()
    const { body } = await ask(served.url, `${served.root}/`)
    const { path, directories, files } = JSON.parse(body.toString()) as {
      path: string
      directories: { name: string }[]
      files: unknown[]
    }
    assert.equal(path, '')
    assert.deepEqual(
      directories.map(({ name }) => name),
      ['größe', 'odd', 'pkg', 'pkg-more', 'void'].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
    assert.deepEqual(files, [])
  })

  test('says whether every file system takes the names, as the manifest does in a header', async () => {
    await using served = await serveMemory()
    for (const [name, portable] of [
      ['fine', true],
      ['aux.txt', false],
    ] as const) {
      const { tree } = served.repository.addTree({ [name]: Buffer.from('x') })
      const path = `/trees/blake3:${tree.id}`
      const listing = JSON.parse((await ask(served.url, `${path}/`)).body.toString()) as { portable: boolean }
      assert.equal(listing.portable, portable)
      assert.equal((await ask(served.url, path)).headers['x-arbor-portable'], String(portable))
      const page = await ask(served.url, `${path}/`, { headers: { Accept: 'text/html' } })
      assert.equal(page.body.toString().includes('on Windows or macOS'), !portable)
    }
  })

  test('an empty directory is there, and has nothing', async () => {
    await using served = await serveTree()
    for (const path of ['pkg/empty', 'void/inner']) {
      const { status, body } = await ask(served.url, `${served.root}/${path}/`)
      const { directories, files } = JSON.parse(body.toString()) as Record<string, unknown[]>
      assert.deepEqual([status, directories, files], [200, [], []])
    }
  })

  for (const [path, location] of [
    ['pkg', './pkg/'],
    ['pkg/sub', './sub/'],
    ['pkg/sub/deep', './deep/'],
    ['pkg/empty', './empty/'],
    ['void', './void/'],
    ['odd/a:b', './a%3Ab/'],
    ['gr%C3%B6%C3%9Fe', './gr%C3%B6%C3%9Fe/'],
  ] as const) {
    test(`${path} redirects to ${location}`, async () => {
      await using served = await serveTree()
      const { status, headers, body } = await ask(served.url, `${served.root}/${path}?query`)
      assert.deepEqual([status, headers['location'], body.length], [301, location, 0])
      const target = new URL(location, `${served.url}${served.root}/${path}`)
      assert.equal((await ask(served.url, target.pathname)).status, 200)
    })
  }

  test('a browser gets HTML, every link of which leads to something', async () => {
    await using served = await serveTree()
    const seen = new Set<string>()
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const { status, headers, body } = await ask(served.url, path, { headers: HTML })
      assert.equal(status, 200, path)
      if (headers['content-type'] !== 'text/html; charset=utf-8') return
      for (const [, href = ''] of body.toString().matchAll(/href="([^"]*)"/g)) {
        assert.match(href, /^\.{1,2}\//, 'relative, and no scheme')
        await visit(
          new URL(
            href.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
            `${served.url}${path}`,
          ).pathname,
        )
      }
    }
    await visit(`${served.root}/`)
    for (const { path } of served.tree.files) {
      const encoded = path.split('/').map(encodeURIComponent).join('/')
      assert.ok(seen.has(new URL(`${served.url}${served.root}/${encoded}`).pathname), path)
    }
    for (const form of ['', '.tar', '.tar.gz', '.tar.zst']) assert.ok(seen.has(`${served.root}${form}`), form)
    assert.ok(seen.has(`${served.root}/pkg/empty/`))
  })

  test('I3: names are text, whatever they hold, and nothing but the style sheet of the page may act', async () => {
    await using served = await serveTree()
    const { headers, body } = await ask(served.url, `${served.root}/odd/`, { headers: HTML })
    const html = body.toString()
    assert.ok(!html.includes('<img'))
    assert.ok(html.includes('&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;.txt'))
    const style = /<style>(.*)<\/style>/s.exec(html)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    assert.equal(
      headers['content-security-policy'],
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    assert.equal(headers['cache-control'], 'public, no-cache')
    assert.equal(headers['vary'], 'Accept')
    assert.ok(!/<script|javascript:[^"<]*"|https?:/.test(html))
  })

  test('who does not want HTML gets JSON', async () => {
    await using served = await serveTree()
    const accepts = [
      '*/*',
      'application/json',
      'text/html;q=0, */*',
      'text/html; q=0',
      'text/html;q=0.5, application/json',
    ]
    for (const accept of accepts) {
      const { headers } = await ask(served.url, `${served.root}/`, { headers: { Accept: accept } })
      assert.equal(headers['content-type'], 'application/json', accept)
    }
  })
})
