import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { formatFilePath, parseFileUrl, parseSimpleUrl } from '../../routes/urls.ts'
import { parseFilename, parseIndexName, parseProjectName, projectsOf } from '../../storage/names.ts'
import { A } from './simple-server.ts'

const PYPI = parseIndexName('pypi')
const NAMES = [
  'demo-1.0+cu126-py3-none-any.whl',
  'demo-1!2.0.tar.gz',
  "it's (1) *.zip",
  'Größe & more=100%.zip',
  'a%2Fb.whl',
  'demo-1.0.whl~',
]

suite('file URLs', () => {
  for (const name of NAMES) {
    for (const sha256 of [A, undefined]) {
      test(`B17: ${name} ${sha256 === undefined ? 'without' : 'with'} a hash, there and back`, () => {
        const filename = parseFilename(name)
        const place = { index: PYPI, project: projectsOf(filename)[0] ?? parseProjectName('demo') }
        const path = formatFilePath(place, { filename, hashes: sha256 === undefined ? { md5: 'x' } : { sha256 } })
        assert.doesNotMatch(path, /[+?#'"&<> ]/)
        assert.equal(decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)), name)
        const isNameless = sha256 === undefined && projectsOf(filename).length === 0
        const reference = { index: PYPI, sha256, filename, ...(isNameless && { project: place.project }) }
        assert.deepEqual(parseFileUrl(`http://host:1/${path}`), { reference, isMetadata: false })
        assert.deepEqual(parseFileUrl(`https://host/${path}.metadata`), { reference, isMetadata: true })
      })
    }
  }

  test('E17: without a hash, a name that could as well be that of a file of another project has its project beside it', () => {
    const file = { filename: parseFilename('foo-1.0-1.tar.gz'), hashes: {} }
    const project = parseProjectName('foo')
    const path = formatFilePath({ index: PYPI, project }, file)
    assert.equal(path, 'files/pypi/unhashed-foo/foo-1.0-1.tar.gz')
    assert.deepEqual(parseFileUrl(`http://h/${path}`).reference, {
      index: PYPI,
      sha256: undefined,
      filename: file.filename,
      project,
    })
    const other = formatFilePath({ index: PYPI, project: parseProjectName('foo-1-0') }, file)
    assert.equal(other, 'files/pypi/unhashed/foo-1.0-1.tar.gz')
  })

  test('E11: a plus sign, escaped or not', () => {
    for (const plus of ['+', '%2B', '%2b']) {
      assert.equal(parseFileUrl(`http://h/files/pypi/${A}/a${plus}b.whl`).reference.filename, 'a+b.whl')
    }
  })

  test('E12: a stray query or escaped fragment is ignored', () => {
    for (const stray of ['?x', '?x=/y/z', '%23sha256=abc', '%3Fx', '#x']) {
      const url = `http://h/files/pypi/${A}/a.whl`
      assert.deepEqual(parseFileUrl(url + stray), parseFileUrl(url))
      assert.deepEqual(parseFileUrl(`${url}.metadata${stray}`), parseFileUrl(`${url}.metadata`))
    }
  })

  const bad = [
    `/files/pypi/${A}/`,
    `/files/pypi/${A}/.metadata`,
    `/files/pypi/${A}/..`,
    `/files/pypi/${A}/a%2Fb.whl`,
    `/files/pypi/${A}/a%5Cb.whl`,
    `/files/pypi/${A}/a%00.whl`,
    `/files/pypi/${A}/a%zz.whl`,
    `/files/pypi/${A}/a%ff.whl`,
    `/files/pypi/${A.slice(1)}/a.whl`,
    '/files/pypi/sha256/a.whl',
    '/files/pypi/unhashed-/a.whl',
    '/files/pypi/unhashed-Foo/a.whl',
    `/files/PyPI/${A}/a.whl`,
    `/files/..%2F/${A}/a.whl`,
    `/files//${A}/a.whl`,
  ]
  for (const path of bad) {
    test(`${path} is malformed`, () => {
      assert.throws(() => parseFileUrl(`http://h${path}`), { code: 'ERR_MALFORMED' })
    })
  }

  test('an upper-case hash is the same file', () => {
    assert.equal(parseFileUrl(`http://h/files/pypi/${A.toUpperCase()}/a.whl`).reference.sha256, A)
  })
})

suite('page URLs', () => {
  const targets: readonly (readonly [string, string | undefined, string | undefined, boolean])[] = [
    ['/simple', undefined, undefined, false],
    ['/simple/', undefined, undefined, true],
    ['/simple/Flask_Login', undefined, 'Flask_Login', false],
    ['/simple/flask/', undefined, 'flask', true],
    ['/simple/simple/', undefined, 'simple', true],
    ['/simple/fl%61sk/', undefined, 'flask', true],
    ['/inner/simple', 'inner', undefined, false],
    ['/inner/simple/', 'inner', undefined, true],
    ['/inner/simple/flask', 'inner', 'flask', false],
    ['/inner/simple/flask/', 'inner', 'flask', true],
  ]
  for (const [path, index, project, endsWithSlash] of targets) {
    test(path, () => {
      assert.deepEqual(parseSimpleUrl(`http://h${path}`), { index, project, endsWithSlash, query: '' })
      assert.deepEqual(parseSimpleUrl(`http://h${path}?a=/b/`), { index, project, endsWithSlash, query: '?a=/b/' })
    })
  }

  test('other paths are none', () => {
    for (const path of [
      '/',
      '/simple//',
      '/simple/a/b',
      '/simple/a//',
      '/inner/',
      '/a/b/simple/',
      '/inner/simple/a/b/',
    ]) {
      assert.equal(parseSimpleUrl(`http://h${path}`), undefined)
    }
  })
})
