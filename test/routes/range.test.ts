import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseRange, resolveRange } from '../../routes/range.ts'

function resolve(header: string, size: number): string {
  const request = parseRange(header)
  if (request === undefined) return 'whole'
  const range = resolveRange(request, size)
  if (range === undefined || range === 'whole') return range ?? '416'
  return `${range.first}-${range.last}`
}

describe('a Range header', () => {
  const rows: readonly (readonly [row: string, header: string, size: number, expected: string])[] = [
    ['E3: from a first to a last byte', 'bytes=0-99', 1000, '0-99'],
    ['E3: one byte', 'bytes=0-0', 1, '0-0'],
    ['E3: the unit in any case', 'Bytes=1-2', 10, '1-2'],
    ['E4: a suffix', 'bytes=-10', 1000, '990-999'],
    ['E4: a suffix longer than everything', 'bytes=-10000', 1000, '0-999'],
    ['E5: open', 'bytes=500-', 1000, '500-999'],
    ['E6: behind the end', 'bytes=1000-', 1000, '416'],
    ['E6: an empty suffix', 'bytes=-0', 1000, '416'],
    ['E6: behind the end of nothing', 'bytes=1-', 0, '416'],
    ['E6: an empty suffix of nothing', 'bytes=-0', 0, '416'],
    ['E7: nothing, from its beginning', 'bytes=0-99', 0, 'whole'],
    ['E7: a suffix of nothing', 'bytes=-5', 0, 'whole'],
    ['E6: beyond all integers', 'bytes=99999999999999999999-', 1000, '416'],
    ['E7: clamped', 'bytes=0-5000', 1000, '0-999'],
    ['E7: clamped, beyond all integers', `bytes=0-${'9'.repeat(400)}`, 1000, '0-999'],
    ['E7: inverted', 'bytes=5-2', 1000, 'whole'],
    ['E7: another unit', 'items=0-1', 1000, 'whole'],
    ['E7: nothing', 'bytes=-', 1000, 'whole'],
    ['E7: garbage', 'bytes=a-b', 1000, 'whole'],
    ['E7: a sign', 'bytes=+1-2', 1000, 'whole'],
    ['E7: a fraction', 'bytes=0.5-2', 1000, 'whole'],
    ['E8: several ranges', 'bytes=0-1,5-6', 1000, 'whole'],
  ]
  for (const [row, header, size, expected] of rows) {
    test(`${row}: ${header.slice(0, 40)} of ${size} is ${expected}`, () => {
      assert.equal(resolve(header, size), expected)
    })
  }

  test('that is absent asks for the whole', () => {
    assert.equal(parseRange(undefined), undefined)
  })
})
