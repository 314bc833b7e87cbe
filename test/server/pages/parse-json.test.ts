import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { A, B, parse, parseOne, USABLE } from './sample.ts'

suite('PEP 691 pages', () => {
  test('B2: a page as PyPI writes it', () => {
    const page = parse({
      meta: { 'api-version': '1.4', '_last-serial': 42 },
      name: 'demo',
      'project-status': { status: 'archived', reason: 'done' },
      versions: ['0.9', '1.0', '1.0'],
      files: [
        {
          ...USABLE,
          'requires-python': '>=3.8',
          size: 1234,
          'upload-time': '2024-01-02T03:04:05.678901Z',
          yanked: 'broken',
          'core-metadata': { sha256: B },
          'data-dist-info-metadata': { sha256: B },
          provenance: 'https://index.example.org/integrity/demo/1.0/provenance',
        },
      ],
    })
    assert.deepEqual(page, {
      project: 'demo',
      versions: ['0.9', '1.0'],
      projectStatus: { status: 'archived', reason: 'done' },
      extraMeta: { '_last-serial': 42 },
      files: [
        {
          ...USABLE,
          requiresPython: '>=3.8',
          coreMetadata: { sha256: B },
          size: 1234,
          uploadTime: '2024-01-02T03:04:05.678901Z',
          yanked: 'broken',
          provenance: 'https://index.example.org/integrity/demo/1.0/provenance',
        },
      ],
    })
  })

  test('B3: only hashes that hashlib knows, in lower case and of the right length', () => {
    const { hashes } = parseOne({
      hashes: { blake3: A, SHA256: A.toUpperCase(), sha512: A, md5: 'zz', sha1: 7, blake2b_256: A },
    })
    assert.deepEqual(hashes, { sha256: A })
    assert.deepEqual(parseOne({ 'core-metadata': { blake3: A, sha256: B } }).coreMetadata, { sha256: B })
  })

  test('B3: hashes missing or of another type are no hashes, and the file stays', () => {
    for (const hashes of [undefined, null, [], 'sha256', 7]) assert.deepEqual(parseOne({ hashes }).hashes, {})
  })

  test('B4: null, and values of another type, are absence', () => {
    for (const nothing of [null, {}, [], -1, 1.5]) {
      const file = parseOne({
        size: nothing,
        'upload-time': nothing,
        yanked: nothing,
        'requires-python': nothing,
        'gpg-sig': nothing,
        'core-metadata': nothing === null ? null : 7,
      })
      assert.deepEqual(file, USABLE)
    }
  })

  test('B4: half a surrogate pair, which uv takes for no JSON, is replaced wherever it stands', () => {
    const text = String.raw`{"\ud800":1,"versions":["\uDFFF","\ud83d\ude00","\\ud800","\\\ud800"],"files":[]}`
    const { versions, extra } = parse(text)
    assert.deepEqual(versions, ['\ufffd', '😀', '\\ud800', '\\\ufffd'])
    assert.deepEqual(extra, { '\ufffd': 1 })
  })

  test('B6: an empty reason is a yank, false is none', () => {
    assert.equal(parseOne({ yanked: '' }).yanked, true)
    assert.equal(parseOne({ yanked: true }).yanked, true)
    assert.equal(parseOne({ yanked: 'a "reason"' }).yanked, 'a "reason"')
    assert.ok(!('yanked' in parseOne({ yanked: false })))
  })

  test('B8: metadata by its new key, else by an old one', () => {
    assert.deepEqual(parseOne({ 'dist-info-metadata': { sha256: A } }).coreMetadata, { sha256: A })
    assert.deepEqual(parseOne({ 'data-dist-info-metadata': true }).coreMetadata, true)
    assert.ok(!('coreMetadata' in parseOne({ 'core-metadata': false, 'dist-info-metadata': true })))
    assert.deepEqual(parseOne({ 'core-metadata': null, 'dist-info-metadata': true }).coreMetadata, true)
  })

  test('B8: metadata of which no hash is known still exists', () => {
    assert.equal(parseOne({ 'core-metadata': {} }).coreMetadata, true)
    assert.equal(parseOne({ 'core-metadata': { blake3: A } }).coreMetadata, true)
    assert.deepEqual(parseOne({ 'core-metadata': `sha256=${A}` }).coreMetadata, { sha256: A })
  })

  test('F4: an sdist has no metadata file', () => {
    assert.ok(!('coreMetadata' in parseOne({ filename: 'demo-1.0.tar.gz', 'core-metadata': true })))
  })

  const times: readonly (readonly [unknown, string | undefined])[] = [
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05.678Z', '2024-01-02T03:04:05.678Z'],
    ['2024-01-31T03:04:05.678901Z', '2024-01-31T03:04:05.678901Z'],
    ['2024-01-02T03:04:05.6Z', '2024-01-02T03:04:05.600000Z'],
    ['2024-01-02T03:04:05.678901234Z', '2024-01-02T03:04:05.678901Z'],
    ['2024-01-02T03:04:05.678901', '2024-01-02T03:04:05.678901Z'],
    ['2024-01-02 03:04:05', '2024-01-02T03:04:05Z'],
    ['2024-01-02t03:04:05z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05+02:00', '2024-01-02T01:04:05Z'],
    ['2024-01-01T23:04:05.5-0230', '2024-01-02T01:34:05.500000Z'],
    ['2024-02-30T03:04:05Z', undefined],
    ['2024-13-02T03:04:05Z', undefined],
    ['2024-01-02T25:04:05Z', undefined],
    ['9999-12-31T23:59:59.999999Z', undefined],
    ['0000-01-01T00:00:00Z', undefined],
    ['2024-01-02', undefined],
    ['yesterday', undefined],
    ['', undefined],
    [1_704_164_645, undefined],
  ]
  for (const [given, expected] of times) {
    test(`B10: upload-time ${JSON.stringify(given)} is ${expected}`, () => {
      assert.equal(parseOne({ 'upload-time': given }).uploadTime, expected)
    })
  }

  test('B13: provenance is an https URL or null', () => {
    assert.equal(parseOne({ provenance: null }).provenance, null)
    assert.equal(parseOne({ provenance: 'https://x.example.org/p' }).provenance, 'https://x.example.org/p')
    assert.equal(parseOne({ provenance: '/p' }).provenance, 'https://index.example.org/p')
    for (const bad of ['http://x.example.org/p', 'javascript:alert(1)', '', 7]) {
      assert.ok(!('provenance' in parseOne({ provenance: bad })))
    }
  })

  test('B14: a status where the specification has it, and where its examples have it', () => {
    assert.deepEqual(parse({ files: [], 'project-status': { status: 'quarantined' } }).projectStatus, {
      status: 'quarantined',
    })
    assert.deepEqual(
      parse({ files: [], meta: { 'project-status': { state: 'Deprecated', reason: 'old' } } }).projectStatus,
      {
        status: 'deprecated',
        reason: 'old',
      },
    )
    for (const bad of [null, 'archived', { status: 'on holiday' }, { status: null }, []]) {
      assert.ok(!('projectStatus' in parse({ files: [], 'project-status': bad })))
    }
  })

  test('B15: unknown keys are copied at every level', () => {
    const page = parse({
      meta: { 'api-version': '1.5', tracks: ['https://x.example.org/'] },
      files: [{ ...USABLE, _score: [1, { a: null }] }],
      namespaces: [{ name: 'd', owned: true }],
    })
    assert.deepEqual(page.extraMeta, { tracks: ['https://x.example.org/'] })
    assert.deepEqual(page.extra, { namespaces: [{ name: 'd', owned: true }] })
    assert.deepEqual(page.files[0]?.extra, { _score: [1, { a: null }] })
  })

  test('B15: a key of a hostile name changes no prototype, and what is too deep is left out', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const page = parse(
      `{"files":[{"filename":"demo-1.0.zip","url":"demo-1.0.zip","__proto__":{"yanked":true},"deep":${deep}}],"__proto__":{"files":1},"constructor":{"prototype":{"a":1}},"deep":${deep}}`,
    )
    assert.ok(!('yanked' in (page.files[0] ?? {})))
    assert.ok(!('extra' in (page.files[0] ?? {})))
    assert.deepEqual(page.extra, { constructor: { prototype: { a: 1 } } })
    assert.ok(!('a' in {}))
  })

  test('B16: names that are no wheel and no sdist are kept', () => {
    for (const filename of [
      'demo-1.0-variants.json',
      'demo-1.0-py2.7.egg',
      'demo-1.0.win32.exe',
      'demo-1.0.rpm',
      'Größe 1.zip',
    ]) {
      assert.equal(parseOne({ filename }).filename, filename)
    }
  })

  test('a file that cannot be used is left out, the others stay', () => {
    const { files } = parse({
      files: [
        null,
        7,
        [],
        'demo',
        {},
        { ...USABLE, filename: '../../etc/passwd' },
        { ...USABLE, filename: 'a\u0000b.whl' },
        { ...USABLE, filename: 'demo-1.0-py3-none-any.whl.metadata' },
        { ...USABLE, filename: '' },
        { ...USABLE, filename: undefined },
        { ...USABLE, url: undefined },
        { ...USABLE, url: 'ftp://files.example.org/demo.whl' },
        { ...USABLE, url: 'file:///etc/passwd' },
        { ...USABLE, url: 'javascript:alert(1)' },
        { ...USABLE, url: 'https://' },
        USABLE,
      ],
    })
    assert.deepEqual(files, [USABLE])
  })

  test('B12: versions that are no text are left out; no list is no list', () => {
    assert.deepEqual(parse({ files: [], versions: ['1', null, 2, '1', '1.0+local'] }).versions, ['1', '1.0+local'])
    assert.ok(!('versions' in parse({ files: [], versions: {} })))
  })

  test('a hash in the URL counts where the page has none else', () => {
    assert.deepEqual(parseOne({ hashes: {}, url: `demo.whl#sha256=${B}` }), {
      ...USABLE,
      url: 'https://index.example.org/simple/demo/demo.whl',
      hashes: { sha256: B },
    })
  })

  const unreadable: Readonly<Record<string, string>> = {
    'broken JSON': '{"files": [',
    'JSON that is no object': '[]',
    'JSON without files': '{"detail": "not here"}',
    'files that are no list': '{"files": {}}',
    'another major version': '{"meta": {"api-version": "2.0"}, "files": []}',
  }
  for (const [what, text] of Object.entries(unreadable)) {
    test(`${what} is no page`, () => {
      assert.throws(
        () => parse(text, { url: 'https://user:secret@index.example.org/simple/demo/?token=secret' }),
        (error) => {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_UPSTREAM_PAGE')
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }
})
