import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBlake3 } from '../../storage/digest.ts'
import { MalformedError } from '../../storage/errors.ts'
import { createTree, parseManifest } from '../../storage/manifest.ts'
import type { TreeFile } from '../../storage/model.ts'
import type { TreePath } from '../../storage/names.ts'

const X = hashBlake3(Buffer.from('x'))

function file(path: string, executable = false): TreeFile {
  return { path: path as TreePath, size: 1, blake3: X, executable }
}

const HASH = '6bd2ba48ac3dfc4bd0e1c1a5ea1dbb5f25ac2ef1ab6e0bd4a5d5e8e5a9a1b2c3'

test('a manifest is these bytes, and its BLAKE3 is the id', () => {
  const { tree, manifest } = createTree([file('b/é "q"', true), file('a')], ['c', 'b'] as TreePath[])
  assert.equal(
    manifest.toString(),
    `{"format":"arbor-tree-1","dirhash":"${tree.dirhash}","files":[{"path":"a","size":1,"blake3":"${X}","executable":false},` +
      `{"path":"b/é \\"q\\"","size":1,"blake3":"${X}","executable":true}],"emptyDirectories":["c"]}\n`,
  )
  assert.equal(tree.id, hashBlake3(manifest))
})

test('an empty tree has a manifest', () => {
  const { manifest, tree } = createTree([], [])
  assert.equal(
    manifest.toString(),
    `{"format":"arbor-tree-1","dirhash":"${tree.dirhash}","files":[],"emptyDirectories":[]}\n`,
  )
})

test('files are sorted by the UTF-8 of their whole paths', () => {
  const paths = ['\u{1F600}', '\uFF5E', 'a/b', 'a.b', 'a-b', 'a', 'B']
  const { tree } = createTree(
    paths.map((path) => file(path)).filter(({ path }) => path !== 'a'),
    [],
  )
  assert.deepEqual(
    tree.files.map(({ path }) => path),
    ['B', 'a-b', 'a.b', 'a/b', '\uFF5E', '\u{1F600}'],
  )
})

test('the executable bit is part of the id, but not of the dirhash', () => {
  const [plain, executable] = [createTree([file('a')], []), createTree([file('a', true)], [])]
  assert.equal(plain.tree.dirhash, executable.tree.dirhash)
  assert.notEqual(plain.tree.id, executable.tree.id)
})

test('what was encoded is parsed to the same tree', async () => {
  const { tree, manifest } = createTree([file('__proto__'), file('a/b', true), file('名/前')], ['x/y'] as TreePath[])
  assert.deepEqual(await parseManifest(manifest), tree)
})

/** Of three megabytes; some names look like what stands between files. */
function manyFiles(): TreeFile[] {
  const odd = ['},{"path":"x"},', '],"emptyDirectories":[', ',"files":[']
  return Array.from({ length: 20_000 }, (_, n) => file(`pkg/${n % 10 === 0 ? odd[(n / 10) % 3] : 'm'}-${n}`))
}

test('a large manifest is parsed in turns with others, to the same tree', async () => {
  const { tree, manifest } = createTree(manyFiles(), ['],"emptyDirectories":[', 'x},{"path":'] as TreePath[])
  let turns = 0
  const count = (): unknown => ((turns += 1), (turning = setImmediate(count)))
  let turning = setImmediate(count)
  assert.deepEqual(await parseManifest(manifest), tree)
  clearImmediate(turning)
  assert.ok(turns > 0)
})

for (const [what, change] of [
  ['a comma more', (text: string) => text.replaceAll('},{"path":', '},,{"path":')],
  ['a space between files', (text: string) => text.replace(/(.*)\},\{"path":/, '$1}, {"path":')],
  ['another order', (text: string) => text.replace('pkg/m-9999"', 'pkg/a-9999"')],
  [
    'the first file at the end',
    (text: string) => text.replace(/("files":\[)(\{.*?\}),(.*)\],"empty/, '$1$3,$2],"empty'),
  ],
  ['a comma at the end', (text: string) => text.replace(/\}(\],"emptyDirectories":\[\])/, '},$1')],
] as const) {
  test(`a large manifest is refused with ${what}`, async () => {
    const text = createTree(manyFiles(), []).manifest.toString()
    assert.notEqual(change(text), text)
    await assert.rejects(parseManifest(Buffer.from(change(text))), MalformedError)
  })
}

const VALID = createTree([file('a'), file('b')], ['c', 'd'] as TreePath[]).manifest.toString()

const MALFORMED: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['no JSON', '{'],
  ['no object', '[]'],
  ['null', 'null\n'],
  ['no line feed', VALID.trimEnd()],
  ['two line feeds', `${VALID}\n`],
  ['white space', VALID.replace(',', ', ')],
  ['another format', VALID.replace('arbor-tree-1', 'arbor-tree-2')],
  ['a key more', VALID.replace('{', '{"a":1,')],
  ['keys in another order', VALID.replace(/("format":"[^"]*"),("dirhash":"[^"]*")/, '$2,$1')],
  ['a repeated key', VALID.replace('"size":1', '"size":1,"size":1')],
  ['a short digest', VALID.replace(X, X.slice(1))],
  ['an upper-case digest', VALID.replace(X, X.toUpperCase())],
  ['a negative size', VALID.replace('"size":1', '"size":-1')],
  ['a fraction', VALID.replace('"size":1', '"size":1.5')],
  ['an exponent', VALID.replace('"size":1', '"size":1e0')],
  ['a path up', VALID.replace('"path":"a"', '"path":"../a"')],
  ['an escape that is not needed', VALID.replace('"path":"a"', '"path":"\\u0061"')],
  ['files that are not sorted', VALID.replace('"path":"a"', '"path":"z"')],
  ['a file twice', VALID.replace('"path":"b"', '"path":"a"')],
  ['directories that are not sorted', VALID.replace('["c","d"]', '["d","c"]')],
  ['no list', VALID.replace('["c","d"]', '{}')],
  ['a number for a path', VALID.replace('"path":"a"', '"path":1')],
  ['no dirhash', VALID.replace(/"dirhash":"[^"]*"/, '"dirhash":"x"')],
]

for (const [what, text] of MALFORMED) {
  test(`a manifest is refused with ${what}`, async () => {
    assert.notEqual(text, VALID)
    await assert.rejects(parseManifest(Buffer.from(text)), MalformedError)
  })
}

test('the dirhash of a manifest is not recomputed', async () => {
  const { dirhash } = await parseManifest(Buffer.from(VALID.replace(/"dirhash":"[^"]*"/, `"dirhash":"${HASH}"`)))
  assert.equal(dirhash, HASH)
})
