import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { renderHtmlPage } from '../../../routes/render-html.ts'
import { renderJsonPage } from '../../../routes/render-json.ts'
import { PageError } from '../../../server/pages/errors.ts'
import { parseProjectList } from '../../../server/pages/parse-page.ts'
import { parseIndexName } from '../../../storage/names.ts'
import { A, PAGE_URL, parse } from './sample.ts'

const ROUNDS = 3000

/** The same numbers on every run (mulberry32), so that what fails can be found again by its seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const SEEDS = [
  JSON.stringify({
    meta: { 'api-version': '1.4' },
    name: 'demo',
    versions: ['1.0'],
    files: [
      {
        filename: 'demo-1.0.whl',
        url: 'https://x.example.org/demo-1.0.whl',
        hashes: { sha256: A },
        size: 1,
        yanked: 'x',
      },
    ],
  }),
  `<!DOCTYPE html><html><head><base href="https://x.example.org/"><meta name="pypi:repository-version" content="1.0"></head><body><a href="demo-1.0.whl#sha256=${A}" data-requires-python="&gt;=3" data-yanked="">demo-1.0.whl</a><br /><!--SERIAL 7--></body></html>`,
]

const PIECES = [
  '<',
  '>',
  '"',
  "'",
  '&',
  '&#x0;',
  '&#1114112;',
  '%',
  '%2F',
  '#',
  '\0',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  'null',
  '1e999',
  '-->',
  '<!--',
  '<a href=',
  'data:',
  '//',
  '\ud800',
  '\u202e',
  '__proto__',
  '<base href="',
  'http://[',
  'xn--',
]

/** A page with a few bytes cut, doubled, changed or put in. */
function spoil(text: string, random: () => number): Buffer {
  let spoilt = Buffer.from(text)
  const times = 1 + Math.floor(random() * 6)
  for (let time = 0; time < times; time += 1) {
    const from = Math.floor(random() * spoilt.length)
    const to = Math.min(spoilt.length, from + Math.floor(random() * 20))
    const piece =
      random() < 0.3
        ? Buffer.from([Math.floor(random() * 256)])
        : Buffer.from(PIECES[Math.floor(random() * PIECES.length)] ?? '')
    spoilt = Buffer.concat([spoilt.subarray(0, from), piece, spoilt.subarray(random() < 0.5 ? from : to)])
  }
  return spoilt
}

const LEAVES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '\0',
  '\ud800',
  'sha256=x',
  [],
  {},
  'https://x/',
  '//',
  A,
]
const KEYS = [
  'meta',
  'api-version',
  'name',
  'files',
  'filename',
  'url',
  'hashes',
  'sha256',
  'core-metadata',
  'size',
  'upload-time',
  'yanked',
  'provenance',
  'project-status',
  'status',
  'versions',
  'projects',
  'toString',
  'constructor',
]

/** Any JSON value, with the keys of a page in places where they do not belong. */
function invent(random: () => number, depth: number): unknown {
  const kind = random()
  if (depth === 0 || kind < 0.3) return LEAVES[Math.floor(random() * LEAVES.length)]
  const count = Math.floor(random() * 6)
  const inner = Array.from({ length: count }, () => invent(random, depth - 1))
  if (kind < 0.5) return inner
  return Object.fromEntries(inner.map((value) => [KEYS[Math.floor(random() * KEYS.length)] ?? 'x', value]))
}

/** Parsing must succeed, and then rendering too, or fail with the one error that it may fail with. */
function check(body: Uint8Array, seed: number): void {
  for (const contentType of ['text/html', 'application/json', undefined]) {
    try {
      const page = parse(body, contentType === undefined ? {} : { contentType })
      const snapshot = { index: parseIndexName('up'), page }
      JSON.parse([...renderJsonPage(snapshot, '../../')].join(''))
      for (const piece of renderHtmlPage(snapshot, '../../')) assert.doesNotMatch(piece, /\0/)
    } catch (error) {
      assert.ok(error instanceof PageError, `seed ${seed}: ${String(error)}`)
    }
    try {
      parseProjectList({ body, contentType, url: PAGE_URL })
    } catch (error) {
      assert.ok(error instanceof PageError, `seed ${seed}: ${String(error)}`)
    }
  }
}

suite('garbage is a page or a PageError, never anything else', () => {
  test('spoilt pages', () => {
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const random = seeded(seed)
      check(spoil(SEEDS[seed % SEEDS.length] ?? '', random), seed)
    }
  })

  test('JSON of any shape', () => {
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const random = seeded(seed)
      check(
        Buffer.from(
          JSON.stringify({
            files: [invent(random, 3), { ...(invent(random, 3) as object) }],
            projects: invent(random, 2),
            ...(invent(random, 4) as object),
          }),
        ),
        seed,
      )
    }
  })

  test('random bytes', () => {
    for (let seed = 0; seed < ROUNDS; seed += 1) {
      const random = seeded(seed)
      check(Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256))), seed)
    }
  })

  test('twenty thousand of anything', () => {
    for (const piece of [
      '<',
      '<a ',
      '<a href="x.zip">',
      '&',
      '&#',
      '"',
      '<!--',
      '{',
      '[',
      '{"files":',
      '<base href="x">',
      '\0',
    ]) {
      check(Buffer.from(`<html>${piece.repeat(20_000)}`), 0)
      check(Buffer.from(piece.repeat(20_000)), 0)
    }
  })
})
