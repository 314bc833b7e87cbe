import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { MAX_WHOLE_BYTES } from '../../storage/archive/contents.ts'
import type { RecordVerdict } from '../../storage/model.ts'
import { makeWheel, type WheelRecipe } from '../support/zip-writer.ts'
import { type UnpackedHere, unpackHere } from '../support/unpack-here.ts'

const INFO = 'a-1.0.dist-info'
const FILES = {
  'a.py': 'a',
  [`${INFO}/METADATA`]: 'm',
  [`${INFO}/WHEEL`]: 'w',
}

function row(path: string, content: string, algorithm = 'sha256'): string {
  return `${path},${algorithm}=${createHash(algorithm).update(content).digest('base64url')},${content.length}`
}

const GOOD = Object.entries(FILES).map(([path, content]) => row(path, content))
const OWN = `${INFO}/RECORD,,`

const CASES: readonly (readonly [what: string, verdict: RecordVerdict, record: readonly string[]])[] = [
  ['every file right', 'ok', [...GOOD, OWN]],
  ['rows ended as on Windows', 'ok', [...GOOD, OWN].map((line) => `${line}\r`)],
  ['itself not listed', 'ok', GOOD],
  ['backslashes', 'ok', [...GOOD.map((line) => line.replace('dist-info/', 'dist-info\\')), OWN]],
  ['quotes', 'ok', [...GOOD.map((line) => line.replace(/^([^,]*)/, '"$1"')), OWN]],
  ['sizes left out', 'ok', [...GOOD.map((line) => line.replace(/\d+$/, '')), OWN]],
  ['a row twice', 'ok', [...GOOD, ...GOOD, OWN]],
  ['so many rows that it is large', 'ok', [...Array.from({ length: 25_000 }, () => GOOD).flat(), OWN]],
  ['a field of a great many quotes', 'names', [...GOOD, `"${'""'.repeat(5_000_000)}"`, OWN]],
  ['SHA-512', 'ok', [row('a.py', 'a', 'sha512'), ...GOOD.slice(1), OWN]],
  ['signatures listed that are not there', 'ok', [...GOOD, OWN.replace(',,', '.jws,,'), OWN]],
  ['a file missing', 'names', [...GOOD.slice(1), OWN]],
  ['a file too many', 'names', [...GOOD, row('b.py', 'b'), OWN]],
  ['a wrong hash', 'hashes', [row('a.py', 'b'), ...GOOD.slice(1), OWN]],
  ['a wrong hash and a file missing', 'hashes', [row('a.py', 'b'), OWN]],
  ['a wrong size', 'hashes', [GOOD[0]?.replace(/1$/, '2') ?? '', ...GOOD.slice(1), OWN]],
  ['no hash', 'hashes', ['a.py,,1', ...GOOD.slice(1), OWN]],
  ['MD5', 'hashes', [row('a.py', 'a', 'md5'), ...GOOD.slice(1), OWN]],
  ['two rows that differ', 'hashes', [row('a.py', 'b'), ...GOOD, OWN]],
  ['no rows', 'names', []],
  ['columns too many', 'absent', GOOD.map((line) => `${line},x`)],
  ['a quote that does not close', 'absent', [`"${GOOD[0]}`, ...GOOD.slice(1)]],
]

for (const [what, verdict, record] of CASES) {
  test(`RECORD is ${verdict} with ${what}`, async () => {
    await using unpacked = await unpackHere(wheel({ ...FILES, [`${INFO}/RECORD`]: record.join('\n') }))
    assert.equal(unpacked.result.unpacked.record, verdict)
    assert.equal(unpacked.files.get(`${INFO}/RECORD`)?.toString(), record.join('\n'), 'it is never healed')
  })
}

test('RECORD is ok where a path needs quotes', async () => {
  await using unpacked = await unpackHere(wheel({ 'a "b", c.py': 'x', 'ü.py': 'y' }))
  assert.equal(unpacked.result.unpacked.record, 'ok')
})

test('RECORD is ok for a large file if its hash is right, which is for later', async () => {
  const large = Buffer.alloc(MAX_WHOLE_BYTES + 1, 'large')
  const hashed = createHash('sha256').update(large).digest('hex')
  const isRight = ({ result }: UnpackedHere): boolean[] => result.unchecked.map(({ hex }) => hex === hashed)
  await using right = await unpackHere(wheel({ large }), {
    limits: { maxRatio: Infinity },
  })
  assert.equal(right.result.unpacked.record, 'ok')
  assert.deepEqual(isRight(right), [true])
  const record = `${row('large', 'small').replace(/\d+$/, '')}\n`
  await using wrong = await unpackHere(wheel({ large, [`${INFO}/RECORD`]: record }), { limits: { maxRatio: Infinity } })
  assert.deepEqual(isRight(wrong), [false])
})

test('a small file is compared at once, and is in the pack, in however many bytes the wheel has it', async () => {
  const [content, nothing] = [Buffer.from('little'), Buffer.of(0, 0, 0, 255, 255)]
  const compressed = Buffer.concat([
    Buffer.alloc(MAX_WHOLE_BYTES - (MAX_WHOLE_BYTES % 5), nothing),
    deflateRawSync(content),
  ])
  for (const [listed, verdict] of [
    ['little', 'ok'],
    ['litter', 'hashes'],
  ] as const) {
    const files = {
      ...FILES,
      [`${INFO}/RECORD`]: [...GOOD, row('long', listed)].join('\n'),
    }
    const recipe = {
      name: 'a',
      version: '1.0',
      files,
      extraMembers: [{ name: 'long', content, compressed }],
    }
    await using unpacked = await unpackHere(makeWheel(recipe))
    const { result } = unpacked
    assert.deepEqual([result.unpacked.record, result.unchecked, result.staged.length], [verdict, [], 1])
  }
})

test('signatures of RECORD need not be listed', async () => {
  const extraMembers = [`${INFO}/RECORD.jws`, `${INFO}/RECORD.p7s`].map((name) => ({ name, content: 's' }))
  await using unpacked = await unpackHere(makeWheel({ name: 'a', version: '1.0', extraMembers }))
  assert.equal(unpacked.result.unpacked.record, 'ok')
})

test('RECORD is absent where there are two', async () => {
  const extraMembers = [{ name: 'b-1.0.dist-info/RECORD', content: '' }]
  await using unpacked = await unpackHere(makeWheel({ name: 'a', version: '1.0', extraMembers }))
  assert.equal(unpacked.result.unpacked.record, 'absent')
})

test('RECORD is absent where it is not at the top', async () => {
  const { writeZip } = await import('../support/zip-writer.ts')
  await using unpacked = await unpackHere(writeZip([{ name: `x/${INFO}/RECORD`, content: '' }]))
  assert.equal(unpacked.result.unpacked.record, 'absent')
})

function wheel(files: NonNullable<WheelRecipe['files']>): Buffer {
  return makeWheel({ name: 'a', version: '1.0', files })
}
