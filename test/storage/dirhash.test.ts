import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBlake3 } from '../../storage/digest.ts'
import { archiveIdOf, hashDirectory } from '../../storage/dirhash.ts'
import type { TreePath } from '../../storage/names.ts'

/** Text is a file, an object a directory, as in uv's own `test_vectors.json`. */
type Vector = string | { readonly [name: string]: Vector }

const VECTORS: readonly (readonly [name: string, tree: Vector, dirhash: string, archiveId: string])[] = [
  ['nothing', {}, 'ead67022a6f7acbd92eaf244632160a758ab8d042386247f9fdb132153553f03', 'i4fa70n3xj4dnb9jp3mpp9tv'],
  [
    'a file',
    { a: 'hello' },
    '1b158685aaa5588adec58d35ad2178a2aeb28ad5709211c48635a0cabe9a17e8',
    'tqudlnzjxcp7ps7aajo76i20',
  ],
  [
    'files in another order',
    { b: 'world', a: 'hello', c: '!' },
    'd475b613288751a2920ac0cf6d1ea7341e3d8f892817bab63024872a21067b4c',
    '9htcbq57kpw3ytjcmpo7djkc',
  ],
  [
    'an empty directory',
    { a: { b: {} } },
    '7e4abae0916b2c119c980c145ba2aafb30c0f261bf24f0e0a6d97dcb225fd065',
    'u7mu7xu3zu4l35cvifxjy44l',
  ],
  [
    'files and an empty directory',
    { b: { c: 'world', '!': {} }, a: 'hello' },
    '0c297a9e4b3a7031d60baae0594ade5da8953d30abd7475a052c732b8eab459b',
    'e5meym90ec8s9siahf4m9e3f',
  ],
  [
    "uv's unit test",
    { 'a.txt': 'hello', b: { 'c.txt': 'goodbye', d: {} } },
    'e508467d129e0d19cefa96527f5f6cb3760530be4d931c527f2818a0dff5d517',
    'xhg9bffqlabg1f3sq4i83jfb',
  ],
]

const SORT_TRAP = { '\u{1F600}': 'y', '\uFF5E': 'x' }

for (const [name, tree, dirhash, archiveId] of VECTORS) {
  test(`dirhash is uv's: ${name}`, () => {
    const found = hashDirectory(flatten(tree)).dirhash
    assert.equal(found, dirhash)
    assert.equal(archiveIdOf(found), archiveId)
  })
}

test('names are sorted by their UTF-8, not by their UTF-16', () => {
  const dirhash = '5ad4d3ebb49f2ad7e053e61d8b1f3c68c4da24c2292ef5a6b42ab22b6783fd16'
  assert.equal(hashDirectory(flatten(SORT_TRAP)).dirhash, dirhash)
})

test('listing directories that are not empty changes nothing', () => {
  const { files } = flatten({ a: { b: { c: 'x' } } })
  const bare = hashDirectory({ files })
  assert.deepEqual(hashDirectory({ files, directories: ['a', 'a/b'] as TreePath[] }), bare)
  assert.deepEqual(bare.emptyDirectories, [])
})

test('only the innermost of empty directories is listed', () => {
  const found = hashDirectory({ files: [], directories: ['b', 'a', 'a/b/c', 'a/b'] as TreePath[] })
  assert.deepEqual(found.emptyDirectories, ['a/b/c', 'b'])
})

test('names of JavaScript are names like any other', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty']
  const hashes = names.map((path) =>
    hashDirectory({ files: [{ path: path as TreePath, blake3: hashBlake3(Buffer.from('x')) }] }),
  )
  assert.equal(new Set(hashes.map(({ dirhash }) => dirhash)).size, names.length)
})

test('an archive id is padded to 24 digits', () => {
  assert.equal(archiveIdOf('0'.repeat(63) + 'a'), `${'0'.repeat(23)}a`)
})

function flatten(
  tree: Vector,
  prefix = '',
): { files: { path: TreePath; blake3: ReturnType<typeof hashBlake3> }[]; directories: TreePath[] } {
  if (typeof tree === 'string')
    return { files: [{ path: prefix as TreePath, blake3: hashBlake3(Buffer.from(tree)) }], directories: [] }
  const below = Object.entries(tree).map(([name, content]) =>
    flatten(content, prefix === '' ? name : `${prefix}/${name}`),
  )
  const own = prefix === '' ? [] : [prefix as TreePath]
  return {
    files: below.flatMap(({ files }) => files),
    directories: [...own, ...below.flatMap(({ directories }) => directories)],
  }
}
