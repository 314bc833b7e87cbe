import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WarmFormat } from '../../routes/administration.ts'
import { parseWarmList } from '../../server/warm/parse-warm-list.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

/** A list in short: wishes as text, and what is skipped. */
function read(text: string, format?: WarmFormat): { wishes: string[]; skipped: string[] } {
  const { wishes, skipped } = parseWarmList(text, format)
  return {
    wishes: wishes.map((wish) =>
      wish.kind === 'file'
        ? `${wish.project} ${wish.filename} ${wish.sha256?.[0]}`
        : `${wish.project}==${wish.version} ${[...wish.sha256s].map((hex) => hex[0]).join('')}`,
    ),
    skipped: skipped.map(({ entry, reason }) => `${entry}: ${reason}`),
  }
}

describe('requirements.txt', () => {
  for (const [what, text, wish] of [
    ['a version', 'Demo_Pkg==1.0', 'demo-pkg==1.0 '],
    ['spaces, as people write them', ' demo == 1.0 ', 'demo==1.0 '],
    ['extras', 'demo[cli,http]==1.0', 'demo==1.0 '],
    ['a marker', 'demo==1.0 ; python_version < "3.9" and sys_platform == "win32"', 'demo==1.0 '],
    ['a marker without a space', 'demo==1.0;python_version<"3"', 'demo==1.0 '],
    ['an exact match', 'demo===1.0+local.1', 'demo==1.0+local.1 '],
    ['an epoch', 'demo==1!2.0.post1', 'demo==1!2.0.post1 '],
    ['hashes on lines that go on', `demo==1.0 \\\n    --hash=sha256:${A} \\\n    --hash=sha256:${B}`, 'demo==1.0 ab'],
    ['hashes on one line', `demo==1.0 --hash=sha256:${A} --hash sha256:${B}`, 'demo==1.0 ab'],
    ['hashes behind a marker', `demo==1.0 ; python_version >= "3.9" --hash=sha256:${A}`, 'demo==1.0 a'],
    ['hashes in upper case', `demo==1.0 --hash=sha256:${A.toUpperCase()}`, 'demo==1.0 a'],
    ['a hash among others', `demo==1.0 --hash=md5:00 --hash=sha256:${A}`, 'demo==1.0 a'],
    ['a comment behind', 'demo==1.0  # via other', 'demo==1.0 '],
    ['a comment in between, which ends the line', `demo==1.0 \\\n  # via other\n`, 'demo==1.0 '],
    ['Windows line ends', `demo==1.0 \\\r\n --hash=sha256:${A}\r\n`, 'demo==1.0 a'],
    ['a byte order mark', '\u{FEFF}demo==1.0', 'demo==1.0 '],
    ['a line end that Python knows as well', 'demo==1.0\u{2028}', 'demo==1.0 '],
    ['an open line at the end', 'demo==1.0 \\', 'demo==1.0 '],
  ] as const) {
    test(`is read with ${what}`, () => {
      assert.deepEqual(read(text), { wishes: [wish], skipped: [] })
    })
  }

  for (const [line, reason] of [
    ['demo>=1.0', /single version/],
    ['demo', /single version/],
    ['demo==1.*', /single version/],
    ['demo==1.0,!=1.0.1', /single version/],
    ['demo @ https://example.com/demo-1.0-py3-none-any.whl', /elsewhere/],
    ['git+https://secret@example.com/demo.git', /^git\+https:\/\/\*\*\*@example\.com\/demo\.git: .*elsewhere/],
    ['./wheels/demo-1.0-py3-none-any.whl', /elsewhere/],
    ['demo==1.0 --hash=sha512:00', /SHA-256/],
    ['-r more.txt', /options/],
    ['--index-url https://me:secret@example.com/simple', /^--index-url https:\/\/\*\*\*@example\.com\/simple: options/],
    ['-e .', /options/],
    ['-==1.0', /options/],
    ['<html>', /single version/],
  ] as const) {
    test(`skips ${line}, and says why`, () => {
      const { wishes, skipped } = read(`good==1.0\n${line}\n`)
      assert.deepEqual(wishes, ['good==1.0 '])
      assert.equal(skipped.length, 1)
      assert.match(skipped[0]!, reason)
    })
  }

  test('is passed over where it says nothing', () => {
    assert.deepEqual(read('# all of it\n\n   \n  # more\ndemo==1.0\n'), { wishes: ['demo==1.0 '], skipped: [] })
  })
})

test('pylock.toml: every file of every package, and where its name is', () => {
  const text = `
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "Demo"
version = "1.0"
marker = "sys_platform == 'win32'"
wheels = [
  { name = "demo-1.0-py3-none-any.whl", url = "https://example.com/x", hashes = { sha256 = "${A}" } },
  { url = "https://example.com/f/demo-1.0%2Bl-py3-none-any.whl?x#y", hashes = { md5 = "00" } },
]
[packages.sdist]
path = "wheels/demo-1.0.tar.gz"
hashes = { sha256 = "${B}" }
[[packages]]
name = "of-git"
vcs = { type = "git", url = "https://example.com", commit-id = "1" }
[[packages]]
name = "here"
directory = { path = "." }
[[packages]]
name = "archived"
archive = { url = "https://example.com/a.zip", hashes = { sha256 = "${A}" } }
[[packages]]
name = "empty"
[[packages]]
version = "1"
[[packages]]
name = "nameless"
wheels = [{ url = "https://example.com/" }, { url = "https://example.com/%" }, {}]
`
  const { wishes, skipped } = read(text)
  assert.deepEqual(wishes, [
    'demo demo-1.0-py3-none-any.whl a',
    'demo demo-1.0+l-py3-none-any.whl undefined',
    'demo demo-1.0.tar.gz b',
  ])
  assert.deepEqual(skipped, [
    'of-git: it comes from "vcs", not from an index',
    'here: it comes from "directory", not from an index',
    'archived: it comes from "archive", not from an index',
    'empty: it lists no wheel and no sdist',
    'a package: it has no name that a project can have',
    'nameless: https://example.com/: it has no name that a file can have',
    'nameless: https://example.com/%: it has no name that a file can have',
    'nameless: a file: it has no name that a file can have',
  ])
})

test('uv.lock: every file of every package of an index', () => {
  const text = `
version = 1
requires-python = ">=3.9"
[[package]]
name = "mine"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "demo" }]
[[package]]
name = "demo"
version = "1.0"
source = { registry = "http://127.0.0.1:1/simple/" }
sdist = { url = "http://127.0.0.1:1/files/pypi/${B}/demo-1.0.tar.gz", hash = "sha256:${B}", size = 10 }
wheels = [
    { url = "http://127.0.0.1:1/files/pypi/${A}/demo-1.0-py3-none-any.whl", hash = "sha256:${A}", size = 10 },
]
[[package]]
name = "flat"
version = "1.0"
source = { registry = "../wheels" }
wheels = [{ path = "flat-1.0-py3-none-any.whl", hash = "md5:00" }]
`
  assert.deepEqual(read(text), {
    wishes: ['demo demo-1.0-py3-none-any.whl a', 'demo demo-1.0.tar.gz b', 'flat flat-1.0-py3-none-any.whl undefined'],
    skipped: ['mine: it comes from "virtual", not from an index'],
  })
})

test('poetry.lock: every file of every package of an index', () => {
  const text = `# This file is automatically @generated by Poetry 2.1.0 and should not be changed by hand.
[[package]]
name = "Demo"
version = "1.0"
files = [
    {file = "demo-1.0-py3-none-any.whl", hash = "sha256:${A}"},
    {file = "demo-1.0.tar.gz", hash = "sha256:${B}"},
]
[[package]]
name = "internal"
version = "1.0"
files = [{file = "internal-1.0-py3-none-any.whl", hash = "sha256:${A}"}]
[package.source]
type = "legacy"
url = "https://example.com/simple"
reference = "other"
[[package]]
name = "of-git"
version = "1.0"
files = []
[package.source]
type = "git"
url = "https://example.com/of-git"
[metadata]
lock-version = "2.1"
`
  assert.deepEqual(read(text), {
    wishes: ['demo demo-1.0-py3-none-any.whl a', 'demo demo-1.0.tar.gz b', 'internal internal-1.0-py3-none-any.whl a'],
    skipped: ['of-git: it comes from "git", not from an index'],
  })
})

test('pdm.lock: every file of every package of an index', () => {
  const text = `[metadata]
groups = ["default"]
lock_version = "4.5.0"
[[package]]
name = "demo"
version = "1.0"
files = [{file = "demo-1.0-py3-none-any.whl", hash = "sha256:${A}"}]
[[package]]
name = "static"
version = "1.0"
files = [{url = "https://example.com/f/static-1.0-py3-none-any.whl", hash = "sha256:${B}"}]
[[package]]
name = "here"
path = "./here"
`
  assert.deepEqual(read(text), {
    wishes: ['demo demo-1.0-py3-none-any.whl a', 'static static-1.0-py3-none-any.whl b'],
    skipped: ['here: it comes from "path", not from an index'],
  })
})

test('a list of more entries than any lock file has is refused', () => {
  for (const line of ['a==1\n', 'a>=1\n']) {
    assert.throws(() => parseWarmList(line.repeat(100_001), undefined), {
      code: 'ERR_BAD_REQUEST',
      message: /more than 100000 entries/,
    })
  }
})

test('a long list takes no longer than it is long', () => {
  const spaces = ' '.repeat(1_000_000)
  for (const text of [
    `demo${spaces}x`,
    `demo==1.0${spaces};${spaces}`,
    `demo[${spaces}`,
    `${spaces}#`,
    `${' #'.repeat(200_000)}\u{2028}x`,
    `x==1${' --'.repeat(300_000)}`,
    `[[${spaces}`,
  ]) {
    assert.deepEqual(read(`good==1.0\n${text}`).wishes[0], 'good==1.0 ')
  }
  assert.throws(() => parseWarmList('[['.repeat(100_000), 'pylock'), { code: 'ERR_BAD_REQUEST' })
  assert.throws(() => parseWarmList(`packages = ${'['.repeat(1_000_000)}`, 'pylock'), { code: 'ERR_BAD_REQUEST' })
})

for (const [what, text, format, message] of [
  ['nothing', '', undefined, /names nothing to fetch: it is empty/],
  ['ranges alone', 'demo>=1', undefined, /demo>=1: it names no single version/],
  ['broken TOML', 'lock-version = "1.0"\n[[packages]', undefined, /no pylock\.toml: .*line 2/],
  ['TOML of another kind', '[project]\nname = "x"', 'uv-lock', /no uv\.lock: it has no \[\[package\]\]/],
  ['a table where an array belongs', 'packages = 1', 'pylock', /no pylock\.toml/],
  ['a lock without files', '[[package]]\nname = "x"\nsource = { git = "x" }', undefined, /x: it comes from "git"/],
] as const) {
  test(`${what} is a list that cannot be read`, () => {
    assert.throws(() => parseWarmList(text, format), { code: 'ERR_BAD_REQUEST', message })
  })
}

test('values of other types than they should have do no harm', () => {
  for (const value of ['1', '"x"', '[]', '[[1]]', '{ a = 1 }', 'true', '1979-05-27']) {
    for (const key of ['name', 'version', 'wheels', 'sdist', 'files', 'source', 'vcs']) {
      for (const [format, table] of [
        ['pylock', 'packages'],
        ['uv-lock', 'package'],
        ['poetry-lock', 'package'],
        ['pdm-lock', 'package'],
      ] as const) {
        const good = `[[${table}]]\nname = "good"\nwheels = [{ url = "good-1-py3-none-any.whl" }]\nfiles = [{ file = "good-1-py3-none-any.whl" }]\n`
        const name = key === 'name' ? '' : 'name = "bad"\n'
        assert.ok(parseWarmList(`${good}[[${table}]]\n${name}${key} = ${value}\n`, format).wishes.length > 0)
      }
    }
  }
})
