import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { renderHtmlList, renderHtmlPage } from '../../routes/render-html.ts'
import type { PageSnapshot } from '../../routes/repository.ts'
import type { ListedFile } from '../../storage/model.ts'
import { parseIndexName } from '../../storage/names.ts'
import { A, B, listed, snapshotOf } from './simple-server.ts'

function render(snapshot: PageSnapshot): string {
  return [...renderHtmlPage(snapshot, '../../')].join('')
}

/** The line of the one file. */
function renderOne(rest: Partial<ListedFile>, name = 'demo-1.0-py3-none-any.whl'): string {
  const lines = render(snapshotOf([listed(name, rest)])).split('\n')
  const anchors = lines.filter((line) => line.startsWith('<a '))
  assert.equal(anchors.length, 1, 'one anchor, on one line')
  assert.equal(lines.length, 11)
  return anchors[0] ?? ''
}

const HREF = `<a href="../../files/pypi/${A}/demo-1.0-py3-none-any.whl#sha256=${A}"`

function fragmentOf(hashes: ListedFile['hashes']): string {
  return /href="[^"#]*(#[^"]*)?"/.exec(renderOne({ hashes }))?.[1] ?? ''
}

function list(projects: string[]): string {
  return [...renderHtmlList({ index: parseIndexName('pypi'), projects })].join('')
}

suite('HTML pages', () => {
  test('C1, C2: each byte where PyPI has it', () => {
    const page = snapshotOf([listed('demo-1.0.0.tar.gz', { requiresPython: '>=3.14', size: 1 })], {
      versions: ['1.0.0'],
      projectStatus: { status: 'archived' },
      extraMeta: { '_last-serial': 0 },
    })
    assert.equal(
      render(page),
      `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="archived">    <title>Links for demo</title>
  </head>
  <body>
    <h1>Links for demo</h1>
<a href="../../files/pypi/${A}/demo-1.0.0.tar.gz#sha256=${A}" data-requires-python="&gt;=3.14" >demo-1.0.0.tar.gz</a><br />
</body>
</html>
<!--SERIAL 0-->`,
    )
  })

  test('C1: a version that the page does not satisfy is not claimed', () => {
    assert.match(render(snapshotOf([listed('demo-1.zip')])), /<meta name="pypi:repository-version" content="1\.0">/)
  })

  test('C2: all attributes, in PyPI’s order', () => {
    assert.equal(
      renderOne({
        requiresPython: '>=3.8',
        yanked: 'bad',
        coreMetadata: { sha256: B },
        provenance: 'https://x.example.org/p',
        gpgSig: true,
        size: 7,
        uploadTime: '2024-01-02T03:04:05Z',
      }),
      `${HREF} data-requires-python="&gt;=3.8" data-yanked="bad" data-dist-info-metadata="sha256=${B}" data-core-metadata="sha256=${B}" data-provenance="https://x.example.org/p">demo-1.0-py3-none-any.whl</a><br />`,
    )
  })

  test('C2: yanked without a reason has a value all the same, and nobody writes two blanks', () => {
    assert.equal(renderOne({ yanked: true }), `${HREF} data-yanked="" >demo-1.0-py3-none-any.whl</a><br />`)
    assert.doesNotMatch(renderOne({ requiresPython: '>=3', provenance: 'https://x.example.org/p' }), / {2}/)
    assert.equal(renderOne({}), `${HREF} >demo-1.0-py3-none-any.whl</a><br />`)
  })

  test('C3: the text of an anchor is the last component of its URL, decoded', () => {
    const name = 'demo-1.0+cu126-py3-none-any.whl'
    const [, href = '', text] = /href="([^"#]*)#[^>]*>([^<]*)</.exec(renderOne({}, name)) ?? []
    assert.equal(text, name)
    assert.equal(decodeURIComponent(href.slice(href.lastIndexOf('/') + 1)), name)
    assert.ok(!href.includes('+'))
  })

  test('C4: a fragment that every installer can read, or none', () => {
    assert.equal(fragmentOf({ md5: 'm', sha256: A }), `#sha256=${A}`)
    assert.equal(fragmentOf({ sha1: '1', md5: 'm' }), '#md5=m')
    assert.equal(fragmentOf({ sha512: 's', md5: 'm' }), '#sha512=s')
    assert.equal(fragmentOf({ sha1: '1' }), '')
    assert.equal(fragmentOf({ sha224: '2', blake2b: 'b', sha3_256: '3' }), '')
    assert.equal(fragmentOf({}), '')
  })

  test('C5: nothing from outside leaves its place', () => {
    const hostile = `"><script>alert('1')</script>&amp;\n<a href="x">\0`
    const line = renderOne({ yanked: hostile, requiresPython: hostile, provenance: `https://x/?a=1&b="` })
    assert.doesNotMatch(line, /<script|<a href="x"|\0/)
    assert.ok(
      line.includes(
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;&#10;&lt;a href=&quot;x&quot;&gt;\ufffd',
      ),
    )
    assert.ok(line.includes('data-provenance="https://x/?a=1&amp;b=&quot;"'))
    const status = render(snapshotOf([], { projectStatus: { status: 'archived', reason: '"><b>' } }))
    assert.ok(status.includes('<meta name="pypi:project-status-reason" content="&quot;&gt;&lt;b&gt;">'))
    assert.match(renderOne({}, '<b>&"\'.zip'), /%3Cb%3E%26%22%27\.zip#.*>&lt;b&gt;&amp;&quot;&#39;\.zip<\/a>/)
  })

  test('C5: a serial number that is none is not written', () => {
    for (const serial of ['--><script>', 1.5, null, {}]) {
      assert.doesNotMatch(render(snapshotOf([], { extraMeta: { '_last-serial': serial } })), /SERIAL/)
    }
  })

  test('C6: metadata as a hash, or as the bare fact', () => {
    assert.match(
      renderOne({ coreMetadata: { sha256: B } }),
      new RegExp(`data-dist-info-metadata="sha256=${B}" data-core-metadata="sha256=${B}">`),
    )
    for (const coreMetadata of [true, { md5: 'm' }, {}] as const) {
      assert.match(renderOne({ coreMetadata }), /data-dist-info-metadata="true" data-core-metadata="true">/)
    }
  })

  test('B14: of a quarantined project nothing is linked', () => {
    assert.doesNotMatch(render(snapshotOf([listed('demo-1.zip')], { projectStatus: { status: 'quarantined' } })), /<a /)
  })

  test('A17: the list, each byte where PyPI has it but for the relative links', () => {
    const head = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <title>Simple index</title>
  </head>
  <body>
`
    assert.equal(list([]), `${head}</body>\n</html>`)
    assert.equal(
      list(['Flask', 'zope.interface']),
      `${head}<a href="flask/">Flask</a>\n<a href="zope-interface/">zope.interface</a>\n</body>\n</html>`,
    )
  })
})
