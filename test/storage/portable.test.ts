import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AtHand } from '../../storage/at-hand.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { createTree } from '../../storage/manifest.ts'
import { isPortable } from '../../storage/portable.ts'
import { parseTreePath } from '../../storage/tree-path.ts'

function isPortableTree(paths: readonly string[], emptyDirectories: readonly string[] = []): AtHand<boolean> {
  const blake3 = hashBlake3(Buffer.of())
  const files = paths.map((path) => ({ path: parseTreePath(path), size: 0, blake3, executable: false }))
  return isPortable(createTree(files, emptyDirectories.map(parseTreePath)).tree)
}

for (const path of [
  'CON',
  'a/aux.txt',
  'nul.tar.gz/x',
  'Com1',
  'lpt².c',
  'conin$',
  'nul .x',
  'a.',
  'a /b',
  'ab:c',
  'what?',
  '"q"',
  'a|b',
  '*',
]) {
  test(`a tree with ${JSON.stringify(path)} is not portable: Windows cannot have it`, async () => {
    assert.equal(await isPortableTree(['fine.py', path]), false)
  })
}

for (const [what, ...paths] of [
  ['case', 'a/README', 'a/ReadMe'],
  ['case of a folder', 'Spam/a.py', 'spam/b.py'],
  ['a file that is a folder', 'Spam', 'spam/b.py'],
  ['normalization', 'caf\u00e9', 'cafe\u0301'],
  ['width', 'ab', '\uff41b'],
  ['a sharp s', 'stra\u00dfe', 'STRASSE'],
] as const) {
  test(`a tree is not portable where two paths differ only in ${what}`, async () => {
    assert.equal(await isPortableTree(paths), false)
  })
}

test('an empty folder counts as a path', async () => {
  assert.equal(await isPortableTree(['Spam'], ['spam']), false)
  assert.equal(await isPortableTree(['a.py'], ['aux']), false)
})

test('what all file systems take is portable', async () => {
  const paths = [
    'con_text.py',
    'console',
    'com',
    'com10',
    'auxiliary/nul_l',
    '.hidden',
    'a/README',
    'b/readme',
    'é',
    '__proto__',
  ]
  assert.equal(await isPortableTree(paths, ['a/empty']), true)
  assert.equal(await isPortableTree([]), true)
})

test('collisions are found in deep folders and between long names', async () => {
  const long = 'x'.repeat(200)
  assert.equal(await isPortableTree([`a/b/c/${long}`, `a/b/c/${long.toUpperCase()}`]), false)
  assert.equal(await isPortableTree([`a/b/c/${long}`, `a/b/d/${long.toUpperCase()}`, `a/b/e`, 'a/f']), true)
  assert.equal(await isPortableTree(['a/b/c/d', 'a/e', 'a/B/x']), false)
  assert.equal(await isPortableTree(['a/b/c/d'], ['a/b/C']), false)
})

test('a large tree is judged in turns with others, and once', async () => {
  const blake3 = hashBlake3(Buffer.of())
  const files = Array.from({ length: 30_000 }, (_, n) => ({
    path: parseTreePath(`pkg/sub${n % 100}/module_${n}.py`),
    size: 0,
    blake3,
    executable: false,
  }))
  const { tree } = createTree(files, [])
  let hadTurn = false
  setImmediate(() => (hadTurn = true))
  const verdict = isPortable(tree)
  assert.equal(isPortable(tree), verdict)
  assert.equal(await verdict, true)
  assert.ok(hadTurn)
  assert.equal(isPortable(tree), true, 'without a promise')
})

test('a tree of deep paths, of letters that unfold to many, is judged name by name, in turns with others', async () => {
  const folders = `/${'\ufdfa'.repeat(80)}`.repeat(15)
  const blake3 = hashBlake3(Buffer.of())
  const files = Array.from({ length: 400 }, (_, n) => ({
    path: parseTreePath(`${n}${folders}`),
    size: 0,
    blake3,
    executable: false,
  }))
  const { tree } = createTree(files, [])
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  assert.equal(await isPortable(tree), true)
  clearInterval(timer)
  assert.ok(turns >= 2, `${turns} turns of others`)
})
