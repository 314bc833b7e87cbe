import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { allowsRange, hasCurrent } from '../../routes/conditional.ts'

const TAG = '"sha256:abc"'

describe('If-None-Match (E10, D3)', () => {
  const rows: readonly (readonly [string | undefined, string | undefined, boolean])[] = [
    [undefined, TAG, false],
    [TAG, TAG, true],
    [`W/${TAG}`, TAG, true],
    [TAG, `W/${TAG}`, true],
    [`"x", ${TAG}`, TAG, true],
    ['"a,b", "c"', '"a,b"', true],
    ['*', TAG, true],
    ['*', undefined, true],
    ['"x"', TAG, false],
    ['sha256:abc', TAG, false],
    ['', TAG, false],
    [TAG, undefined, false],
  ]
  for (const [header, etag, expected] of rows) {
    test(`${header} against ${etag}: ${expected ? 'it is current' : 'it is not'}`, () => {
      assert.equal(hasCurrent(header, etag), expected)
    })
  }
})

describe('If-Range (E9)', () => {
  const rows: readonly (readonly [string | undefined, string | undefined, boolean])[] = [
    [undefined, TAG, true],
    [undefined, undefined, true],
    [TAG, TAG, true],
    ['"x"', TAG, false],
    [`W/${TAG}`, TAG, false],
    [`W/${TAG}`, `W/${TAG}`, false],
    [TAG, undefined, false],
    ['Tue, 15 Nov 1994 12:45:26 GMT', TAG, false],
  ]
  for (const [header, etag, expected] of rows) {
    test(`${header} against ${etag}: ${expected ? 'a part' : 'the whole'}`, () => {
      assert.equal(allowsRange(header, etag), expected)
    })
  }
})
