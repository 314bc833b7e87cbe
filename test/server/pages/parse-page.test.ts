import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PageError } from '../../../server/pages/errors.ts'
import { parseProjectList } from '../../../server/pages/parse-page.ts'
import { DEMO, PAGE_URL, parse, USABLE } from './sample.ts'

const JSON_PAGE = JSON.stringify({ meta: { 'api-version': '1.0' }, name: 'demo', files: [USABLE] })
const HTML_PAGE = '<!DOCTYPE html><html><body><a href="demo-1.zip">demo-1.zip</a></body></html>'
const LABELS = [
  'application/vnd.pypi.simple.v1+json',
  'application/json',
  'text/html; charset=utf-8',
  'application/octet-stream',
  'text/html; charset=no-such-charset',
  undefined,
]

function list(text: string): string[] {
  return parseProjectList({ body: Buffer.from(text), contentType: undefined, url: 'https://x.example.org/simple/' })
}

suite('pages under any label', () => {
  for (const contentType of LABELS) {
    const label = contentType === undefined ? {} : { contentType }
    test(`H1: JSON and HTML are told apart under ${contentType}`, () => {
      assert.equal(parse(JSON_PAGE, label).files.length, 1)
      assert.equal(parse(`\uFEFF \n${JSON_PAGE}`, label).files.length, 1)
      assert.equal(parse(HTML_PAGE, label).files.length, 1)
      assert.equal(parse(`\uFEFF\n<!-- made by hand -->\n${HTML_PAGE}`, label).files.length, 1)
    })
  }

  test('H1: the charset of the label is used', () => {
    const page = parse(Buffer.from('<a href="demo-1.zip" data-yanked="Gr\u00fcnde">x</a>', 'latin1'), {
      contentType: 'text/html; charset="ISO-8859-1"',
    })
    assert.equal(page.files[0]?.yanked, 'Gründe')
  })

  test('bytes that are no UTF-8 spoil only the text that they are in', () => {
    const page = parse(
      Buffer.concat([Buffer.from('<a href="demo-1.zip" data-yanked="'), Buffer.from([0xff]), Buffer.from('">x</a>')]),
    )
    assert.equal(page.files[0]?.yanked, '\ufffd')
  })

  test('what is small on the way and gigabytes as objects is refused before it is parsed', () => {
    const many = { values: '[],'.repeat(1_000_001), tags: '<a href=demo-1.zip>'.repeat(500_001) }
    assert.throws(() => parse(`{"files":[${many.values}0]}`), PageError)
    assert.throws(() => parse(many.tags), PageError)
    // A list may have more.
    assert.deepEqual(list(`{"projects":[${many.values}{"name":"demo"}]}`), ['demo'])
    assert.deepEqual(list(many.tags), ['demo-1.zip'])
    assert.throws(() => list(`{"projects":[${many.values.repeat(3)}0]}`), PageError)
  })

  test('a file without a SHA-256 whose name is not the project’s is left out, since our URL of it leads nowhere', () => {
    const odd = ['setup.exe', 'other-1.0.zip', 'demo.egg', 'other-1.0-py3-none-any.whl']
    const ours = ['demo-1.0.egg', 'Demo-1.0-rc1.zip', 'demo-1.0-variants.json', 'demo-1.0-py3-none-any.whl']
    for (const hashes of [{}, { md5: '0'.repeat(32) }]) {
      const listed = [...odd, ...ours].map((filename) => ({ filename, url: `https://x.example/${filename}`, hashes }))
      const page = parse({ files: listed })
      assert.deepEqual(
        page.files.map(({ filename }) => filename),
        ours,
      )
    }
    assert.equal(parse({ files: [{ ...USABLE, filename: 'setup.exe' }] }).files.length, 1)
  })

  test('the page is of the project that was asked for, whatever it calls itself', () => {
    assert.equal(parse({ name: 'something-else', files: [] }).project, DEMO)
  })
})

suite('project lists', () => {
  test('A17: JSON, each name once, what is no name left out', () => {
    const names = ['Flask', 'zope.interface', 'Flask', '../x', '', 'a b', null, 7]
    assert.deepEqual(list(JSON.stringify({ meta: {}, projects: [...names.map((name) => ({ name })), 'x', null] })), [
      'Flask',
      'zope.interface',
    ])
  })

  test('A17: HTML, absolute and relative, spelt as the index does', () => {
    const html =
      '<html><a href="../">Parent</a><a href="?C=N;O=D">Name</a><a href="/simple/flask/">Flask</a><a href="torch/">torch</a><a href="zope-interface/"> zope.interface\n</a><a href="nvidia-x/">some label</a><a href="plain">plain</a>'
    assert.deepEqual(list(html), ['Flask', 'torch', 'zope.interface', 'nvidia-x', 'plain'])
  })

  test('a list that is none', () => {
    for (const text of ['', '{"files": []}', '{"projects": {}}', 'nope']) {
      assert.throws(() => list(text), { code: 'ERR_UPSTREAM_PAGE' })
    }
  })

  test('a project page is not a list', () => {
    assert.throws(() => parseProjectList({ body: Buffer.from(JSON_PAGE), contentType: undefined, url: PAGE_URL }), {
      code: 'ERR_UPSTREAM_PAGE',
    })
  })
})
