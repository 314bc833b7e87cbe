import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { renderJsonList, renderJsonPage } from '../../routes/render-json.ts'
import type { PageSnapshot } from '../../routes/repository.ts'
import type { ListedFile } from '../../storage/model.ts'
import { parseIndexName } from '../../storage/names.ts'
import { A, B, listed, snapshotOf } from './simple-server.ts'

interface Rendered {
  readonly meta: Readonly<Record<string, unknown>>
  readonly files: readonly Readonly<Record<string, unknown>>[]
  readonly [key: string]: unknown
}

function render(snapshot: PageSnapshot): Rendered {
  return JSON.parse([...renderJsonPage(snapshot, '../../')].join('')) as Rendered
}

function renderOne(rest: Partial<ListedFile>, name = 'demo-1.0-py3-none-any.whl'): Readonly<Record<string, unknown>> {
  return render(snapshotOf([listed(name, rest)])).files[0] ?? {}
}

function versionOf(files: ListedFile[], versions?: string[]): unknown {
  return render(snapshotOf(files, versions === undefined ? {} : { versions })).meta['api-version']
}

suite('JSON pages', () => {
  test('B1: 1.4 where every file has a size and there are versions, else 1.0', () => {
    const sized = listed('demo-1.0.zip', { size: 0 })
    assert.equal(versionOf([sized], ['1.0']), '1.4')
    assert.equal(versionOf([], []), '1.4')
    assert.equal(versionOf([sized, listed('demo-1.0.tar.gz')], ['1.0']), '1.0')
    assert.equal(versionOf([sized]), '1.0')
  })

  test('B2: a whole page, with nothing in it that is not expected', () => {
    const file = listed('demo-1.0-py3-none-any.whl', {
      requiresPython: '>=3.8,<4',
      coreMetadata: { sha256: B },
      size: 7,
      uploadTime: '2024-01-02T03:04:05.678901Z',
      yanked: 'broken',
      provenance: 'https://x.example.org/p',
      gpgSig: true,
    })
    const text = [
      ...renderJsonPage(snapshotOf([file], { versions: ['1.0'], projectStatus: { status: 'active' } }), '../../'),
    ].join('')
    assert.ok(text.endsWith('}\n'))
    assert.deepEqual(JSON.parse(text), {
      meta: { 'api-version': '1.4' },
      name: 'demo',
      'project-status': { status: 'active' },
      versions: ['1.0'],
      files: [
        {
          filename: 'demo-1.0-py3-none-any.whl',
          url: `../../files/pypi/${A}/demo-1.0-py3-none-any.whl`,
          hashes: { sha256: A },
          'requires-python': '>=3.8,<4',
          size: 7,
          'upload-time': '2024-01-02T03:04:05.678901Z',
          yanked: 'broken',
          'core-metadata': { sha256: B },
          'dist-info-metadata': { sha256: B },
          provenance: 'https://x.example.org/p',
        },
      ],
    })
  })

  test('B3: one hash, the SHA-256 where there is one, else the strongest', () => {
    assert.deepEqual(renderOne({ hashes: { md5: 'm', sha256: A, sha512: 's' } })['hashes'], { sha256: A })
    assert.deepEqual(renderOne({ hashes: { md5: 'm', sha512: 's', sha1: '1' } })['hashes'], { sha512: 's' })
    assert.deepEqual(renderOne({ hashes: { md5: 'm' } })['hashes'], { md5: 'm' })
    assert.deepEqual(renderOne({ hashes: {} })['hashes'], {})
  })

  test('B4: what is not known is left out, never null', () => {
    assert.deepEqual(renderOne({}), {
      filename: 'demo-1.0-py3-none-any.whl',
      url: `../../files/pypi/${A}/demo-1.0-py3-none-any.whl`,
      hashes: { sha256: A },
      yanked: false,
    })
    assert.deepEqual(Object.keys(render(snapshotOf([]))), ['meta', 'name', 'files'])
  })

  test('B6: yanked is false, true or a reason', () => {
    assert.equal(renderOne({})['yanked'], false)
    assert.equal(renderOne({ yanked: true })['yanked'], true)
    assert.equal(renderOne({ yanked: '"><script>' })['yanked'], '"><script>')
  })

  test('B8: both keys of metadata; the bare fact where no hash is known', () => {
    for (const key of ['core-metadata', 'dist-info-metadata']) {
      assert.deepEqual(renderOne({ coreMetadata: { md5: 'm', sha256: B } })[key], { sha256: B })
      assert.equal(renderOne({ coreMetadata: true })[key], true)
      assert.equal(renderOne({ coreMetadata: {} })[key], true)
      assert.ok(!(key in renderOne({})))
    }
  })

  test('B12: versions of listed files that upstream forgot are added, in no second spelling', () => {
    const names = [
      'demo-1.0-py3-none-any.whl',
      'demo-2.0.0.tar.gz',
      'demo-2.0rc1.tar.gz',
      'demo-v3.zip',
      'demo-4.0.post1.tar.gz',
      'Demo-5.0+local.1-py3-none-any.whl',
      'demo-6.0-1-py3-none-any.whl',
      'demo-6.0.dev0.tar.gz',
      'demo-notes.txt',
      'other-9.tar.gz',
      'demo-1.0-py2.7.egg',
    ]
    const versions = ['0.1', '1', '2.0', '2.0.RC-1', '3.0', '4.0-1', '5.0+LOCAL-1']
    const files = names.map((name) => listed(name))
    assert.deepEqual(render(snapshotOf(files, { versions }))['versions'], [...versions, '6.0', '6.0.dev0'])
    assert.ok(!('versions' in render(snapshotOf(files))))
  })

  test('B13: provenance as upstream has it, null too', () => {
    assert.equal(renderOne({ provenance: null })['provenance'], null)
  })

  test('B14: of a quarantined project nothing is listed', () => {
    const page = render(
      snapshotOf([listed('demo-1.0.zip')], {
        projectStatus: { status: 'quarantined', reason: 'bad' },
        versions: ['1.0'],
      }),
    )
    assert.deepEqual(page.files, [])
    assert.deepEqual(page['project-status'], { status: 'quarantined', reason: 'bad' })
    assert.deepEqual(page['versions'], ['1.0'])
  })

  test('B15: what we do not know is copied, and takes the place of nothing', () => {
    const page = render(
      snapshotOf([listed('demo-1.0.zip', { extra: { _x: { y: [null] }, url: 'https://evil.example.org/' } })], {
        extra: { namespaces: null, files: 7 },
        extraMeta: { '_last-serial': 9, 'api-version': '1.5' },
      }),
    )
    assert.deepEqual(page.meta, { '_last-serial': 9, 'api-version': '1.0' })
    assert.equal(page['namespaces'], null)
    assert.deepEqual(page.files[0]?.['_x'], { y: [null] })
    assert.equal(page.files[0]?.['url'], `../../files/pypi/${A}/demo-1.0.zip`)
  })

  test('B17: URLs lead to us, whatever the name', () => {
    const names = ['demo-1.0+cu126-py3-none-any.whl', 'a b%2F&"\'.zip']
    for (const name of names) {
      const url = String(renderOne({}, name)['url'])
      assert.ok(url.startsWith(`../../files/pypi/${A}/`))
      assert.equal(decodeURIComponent(new URL(url, 'https://h/x/simple/demo/').pathname.split('/').at(-1) ?? ''), name)
      assert.doesNotMatch(url, /[+?#"' ]/)
    }
    assert.equal(renderOne({ hashes: {} })['url'], '../../files/pypi/unhashed/demo-1.0-py3-none-any.whl')
  })

  test('a page of thousands of files is whole', () => {
    const files = Array.from({ length: 2501 }, (_, at) => listed(`demo-${at}.zip`))
    assert.deepEqual(
      render(snapshotOf(files)).files.map((file) => file['filename']),
      files.map((file) => file.filename),
    )
  })

  test('A17: the list of projects, spelt as upstream does', () => {
    const text = [...renderJsonList({ index: parseIndexName('pypi'), projects: ['Flask', 'zope.interface'] })].join('')
    assert.deepEqual(JSON.parse(text), {
      meta: { 'api-version': '1.4' },
      projects: [{ name: 'Flask' }, { name: 'zope.interface' }],
    })
  })
})
