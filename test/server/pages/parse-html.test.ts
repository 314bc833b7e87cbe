import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PageError } from '../../../server/pages/errors.ts'
import { readHtml } from '../../../server/pages/html-document.ts'
import { parseHtmlList } from '../../../server/pages/parse-html.ts'
import type { ProjectPage } from '../../../storage/model.ts'
import { A, B, PAGE_URL, parse } from './sample.ts'

function parseAnchor(anchor: string) {
  return parse(`<!DOCTYPE html><html><body>${anchor}</body></html>`).files
}

function hashesOf(fragment: string) {
  return parseAnchor(`<a href="demo-1.zip${fragment}">x</a>`)[0]?.hashes
}

function markOf(attributes: string, name = 'demo-1-py3-none-any.whl') {
  return parseAnchor(`<a href="${name}" ${attributes}>x</a>`)[0]?.coreMetadata
}

suite('PEP 503 pages', () => {
  test('a page as PyPI writes it', () => {
    const page = parse(
      `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="archived">    <title>Links for demo</title>
  </head>
  <body>
    <h1>Links for demo</h1>
<a href="https://files.example.org/a/demo-1.0%2Bcpu-py3-none-any.whl#sha256=${A}" data-requires-python="&gt;=3.8,&lt;4" data-yanked="" data-dist-info-metadata="sha256=${B}" data-core-metadata="sha256=${B}" data-provenance="https://index.example.org/integrity/demo">demo-1.0+cpu-py3-none-any.whl</a><br />
<a href="https://files.example.org/a/demo-1.0.tar.gz#sha256=${B}" data-gpg-sig="true" >demo-1.0.tar.gz</a><br />
</body>
</html>
<!--SERIAL 42-->`,
      { contentType: 'text/html' },
    )
    assert.deepEqual(page, {
      project: 'demo',
      projectStatus: { status: 'archived' },
      extraMeta: { '_last-serial': 42 },
      files: [
        {
          filename: 'demo-1.0+cpu-py3-none-any.whl',
          url: 'https://files.example.org/a/demo-1.0%2Bcpu-py3-none-any.whl',
          hashes: { sha256: A },
          requiresPython: '>=3.8,<4',
          coreMetadata: { sha256: B },
          yanked: true,
          provenance: 'https://index.example.org/integrity/demo',
        },
        {
          filename: 'demo-1.0.tar.gz',
          url: 'https://files.example.org/a/demo-1.0.tar.gz',
          hashes: { sha256: B },
          gpgSig: true,
        },
      ],
    })
  })

  const links: readonly (readonly [what: string, href: string, url: string])[] = [
    ['absolute', 'https://files.example.org/x/demo-1.zip', 'https://files.example.org/x/demo-1.zip'],
    ['relative', 'demo-1.zip', 'https://index.example.org/simple/demo/demo-1.zip'],
    ['relative in a folder', '24.0/demo-1.zip', 'https://index.example.org/simple/demo/24.0/demo-1.zip'],
    ['upward', '../../packages/packages/ab/demo-1.zip', 'https://index.example.org/packages/packages/ab/demo-1.zip'],
    ['upward beyond the root', '../../../../demo-1.zip', 'https://index.example.org/demo-1.zip'],
    ['root-relative', '/whl/cu126/demo-1%2Bcu126.zip', 'https://index.example.org/whl/cu126/demo-1%2Bcu126.zip'],
    ['protocol-relative', '//cdn.example.org/demo-1.zip', 'https://cdn.example.org/demo-1.zip'],
    ['entity-encoded', '/get?a=1&amp;b=&quot;2&quot;&#47;demo-1.zip', ''],
    ['entity-encoded path', '/a&amp;b/demo&#45;1.zip', 'https://index.example.org/a&b/demo-1.zip'],
    ['with a query', '/demo-1.zip?sig=a/b.c', 'https://index.example.org/demo-1.zip?sig=a/b.c'],
    ['with blanks around it', '  demo-1.zip\n', 'https://index.example.org/simple/demo/demo-1.zip'],
    [
      'with a port and dots',
      'http://files.example.org:8080/a/./b/../demo-1.zip',
      'http://files.example.org:8080/a/demo-1.zip',
    ],
    ['to a folder', '../', ''],
    ['of an auto-index', '?C=N;O=D', ''],
    ['to another page', 'https://demo.example.org/about', ''],
    ['by mail', 'mailto:demo@example.org', ''],
    ['that escapes badly', 'demo%ZZ-1.zip', ''],
    ['that hides a path', '..%2F..%2Fdemo-1.zip', ''],
  ]
  for (const [what, href, url] of links) {
    test(`H1: a link ${what} ${url === '' ? 'is no file' : 'is made absolute'}`, () => {
      assert.deepEqual(
        parseAnchor(`<a href="${href}">demo</a>`).map((file) => file.url),
        url === '' ? [] : [url],
      )
    })
  }

  test('H1: base href comes before the page’s own URL, and may itself be relative', () => {
    const anchor = '<a href="demo-1.zip">demo-1.zip</a>'
    const absolute = parse(
      `<head><base href="https://cdn.example.org/x/"><base href="https://no.example.org/"></head>${anchor}`,
    )
    assert.equal(absolute.files[0]?.url, 'https://cdn.example.org/x/demo-1.zip')
    assert.equal(
      parse(`<base href="../../packages/">${anchor}`).files[0]?.url,
      'https://index.example.org/packages/demo-1.zip',
    )
    assert.equal(parse(`<base href="javascript:x">${anchor}`).files[0]?.url, `${PAGE_URL}demo-1.zip`)
    assert.equal(parse(`<base target="_blank">${anchor}`).files[0]?.url, `${PAGE_URL}demo-1.zip`)
  })

  test('a base that is repeated for each link may not be long, or a short page would fill the memory', () => {
    const anchors = '<a href="demo-1.zip">'.repeat(5000)
    const page = (base: string): ProjectPage => parse(`<base href="${base}">${anchors}`)
    assert.equal(page(`https://x.example/${'b'.repeat(1000)}/`).files.length, 5000)
    assert.throws(() => page(`/${'b'.repeat(100_000)}/`), PageError)
    assert.throws(() => parse(anchors, { url: `${PAGE_URL}${'b'.repeat(3000)}/` }), PageError)
    const signed = parse('<a href="demo-1.zip">', { url: `${PAGE_URL}?X-Signature=${'f'.repeat(3000)}` })
    assert.equal(signed.files[0]?.url, `${PAGE_URL}demo-1.zip`)
  })

  test('a tag with many attributes takes no more memory than its text', () => {
    const attributes = Array.from({ length: 300_000 }, (_, number) => `x${number}`).join(' ')
    const { anchors } = readHtml(`<a ${attributes} href="demo-1.zip" data-yanked="why">`)
    assert.deepEqual(
      [...(anchors[0]?.attributes ?? [])],
      [
        ['href', 'demo-1.zip'],
        ['data-yanked', 'why'],
      ],
    )
  })

  test('H2: links are relative to where redirects ended, without the credentials of that URL', () => {
    const { files } = parse('<a href="demo-1.zip">demo-1.zip</a>', {
      url: 'https://user:secret@mirror.example.org/s/demo/',
    })
    assert.equal(files[0]?.url, 'https://mirror.example.org/s/demo/demo-1.zip')
  })

  test('H1: < and > that nobody escaped in a quoted attribute', () => {
    assert.equal(
      parseAnchor('<a href="demo-1.zip" data-requires-python=">=3.8,<4">demo-1.zip</a>')[0]?.requiresPython,
      '>=3.8,<4',
    )
  })

  test('H1: single quotes, no quotes, upper case, line breaks inside tags, no br, nothing closed', () => {
    const { files } = parse(
      "<A\n HREF='demo-1.zip' DATA-YANKED='it is &#39;bad&#39;'>x<a href=demo-2.zip>y<p><a href = \"demo-3.zip\"",
    )
    assert.deepEqual(
      files.map(({ filename, yanked }) => [filename, yanked]),
      [
        ['demo-1.zip', "it is 'bad'"],
        ['demo-2.zip', undefined],
      ],
    )
  })

  test('H1: what is commented out, or in a script, is not there', () => {
    const { files } = parse(
      '<html><!-- <a href="demo-1.zip">demo-1.zip</a> --><script>"<a href=\'demo-2.zip\'>"</script><a href="demo-3.zip">3</a>',
    )
    assert.deepEqual(
      files.map((file) => file.filename),
      ['demo-3.zip'],
    )
  })

  test('C4: hashes from fragments: other pairs beside them, upper case, unknown names, none at all', () => {
    assert.deepEqual(hashesOf(`#egg=demo&amp;sha256=${A.toUpperCase()}&amp;subdirectory=x`), { sha256: A })
    assert.deepEqual(hashesOf(`#md5=${'0'.repeat(32)}`), { md5: '0'.repeat(32) })
    assert.deepEqual(hashesOf(`#blake3=${A}`), {})
    assert.deepEqual(hashesOf('#sha256=abc'), {})
    assert.deepEqual(hashesOf('#'), {})
    assert.deepEqual(hashesOf(''), {})
  })

  test('C6: metadata marks: hash, true, false, of either name, on wheels only', () => {
    assert.deepEqual(markOf(`data-core-metadata="sha256=${A}"`), { sha256: A })
    assert.deepEqual(markOf(`data-dist-info-metadata="sha256=${B}"`), { sha256: B })
    assert.equal(markOf('data-core-metadata="true"'), true)
    assert.equal(markOf(`data-core-metadata="blake3=${A}"`), true)
    assert.equal(markOf('data-core-metadata="false"'), undefined)
    assert.equal(markOf('data-core-metadata'), undefined)
    assert.equal(markOf('data-core-metadata="true"', 'demo-1.tar.gz'), undefined)
  })

  test('data-size and data-upload-time, which some have', () => {
    const [file] = parseAnchor('<a href="demo-1.zip" data-size="12" data-upload-time="2024-01-02T03:04:05+00:00">x</a>')
    assert.equal(file?.size, 12)
    assert.equal(file?.uploadTime, '2024-01-02T03:04:05Z')
  })

  test('a reason for a status', () => {
    const page = parse(
      '<meta name="pypi:project-status" content="deprecated"><meta name="pypi:project-status-reason" content="a &amp; b">',
    )
    assert.deepEqual(page.projectStatus, { status: 'deprecated', reason: 'a & b' })
  })

  test('G3: a page to log in at is no page without links', () => {
    const page = '<html><form><a href="/forgot">Forgot?</a><INPUT name=p type="Password"></form></html>'
    assert.throws(() => parse(page), { code: 'ERR_UPSTREAM_PAGE', message: /asks for a password/ })
  })

  test('A17: of a list, only links to pages are projects, wherever the list itself is', () => {
    const hrefs = ['demo/', '../', './', '?C=N;O=D', 'mailto:me@index.example', 'javascript:sort()', '../simple/other/']
    const text = `<html>${hrefs.map((href) => `<a href="${href}">x</a>`).join('')}</html>`
    for (const url of ['https://index.example/simple/', 'https://index.example/simple/index.html']) {
      assert.deepEqual(parseHtmlList(text, url), ['demo', 'other'], url)
    }
  })

  test('what is not HTML is no page, nor is another major version', () => {
    for (const text of [
      '',
      'Service unavailable',
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
      '<meta name="pypi:repository-version" content="2.0">',
      '\u0000\u0001\u0002',
    ]) {
      assert.throws(() => parse(text, { contentType: 'text/html' }), { code: 'ERR_UPSTREAM_PAGE' })
    }
  })
})
