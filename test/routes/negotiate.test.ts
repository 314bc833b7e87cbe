import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { negotiateEncoding, negotiateType, parseFormat } from '../../routes/negotiate.ts'
import { HTML_TYPE, JSON_TYPE } from './simple-server.ts'

const TEXT = 'text/html'
const UNACCEPTABLE = '406'

const PIP = `${JSON_TYPE}, ${HTML_TYPE}; q=0.1, text/html; q=0.01`
const ACCEPTS: readonly (readonly [row: string, accept: string | undefined, type: string])[] = [
  ['A1: pip, pdm', PIP, JSON_TYPE],
  ['A1: uv', `${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.01`, JSON_TYPE],
  ['A1: poetry', `${JSON_TYPE}, */*;q=0.1`, JSON_TYPE],
  ['A1: micropip', `${JSON_TYPE}, */*;q=0.01`, JSON_TYPE],
  ['A1: JSON only', JSON_TYPE, JSON_TYPE],
  ['A2: old pip', TEXT, TEXT],
  ['A3', HTML_TYPE, HTML_TYPE],
  ['A4: none', undefined, TEXT],
  ['A4: empty', '', TEXT],
  ['A4: commas', ' , ,', TEXT],
  ['A4: anything', '*/*', TEXT],
  ['A4: anything, as old Java says it', 'image/gif, *; q=.2, */*; q=.2', TEXT],
  ['A5: latest', 'application/vnd.pypi.simple.latest+json', JSON_TYPE],
  ['A5: latest', 'application/vnd.pypi.simple.latest+html', HTML_TYPE],
  ['A6: a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT],
  ['A7: weights', `${JSON_TYPE};q=0.5, text/html`, TEXT],
  ['A7: weights', `text/html;q=0.01, ${HTML_TYPE};q=0.2, ${JSON_TYPE}`, JSON_TYPE],
  ['A7: case and blanks', `TEXT/HTML ; Q = 0.5 ,\t${JSON_TYPE.toUpperCase()} ;q= 0.4`, TEXT],
  ['A7: zero', `${JSON_TYPE};q=0, */*`, TEXT],
  ['A7: zero', `${JSON_TYPE};q=0.000, text/html;q=0, */*`, HTML_TYPE],
  ['A7: other parameters', 'text/html;level=1;q=0.2', TEXT],
  ['A7: a weight that is none', `text/html;q=high, ${HTML_TYPE};q=0.1`, HTML_TYPE],
  ['A7: a weight above one', `text/html, ${JSON_TYPE};q=7`, JSON_TYPE],
  ['A7: a family', 'text/*', TEXT],
  ['A7: a family', 'application/*', JSON_TYPE],
  ['A7: a family before all', 'application/*;q=0.1, */*;q=0.9', TEXT],
  ['A8: equals', `text/html, ${JSON_TYPE}`, JSON_TYPE],
  ['A8: equals', `text/html;q=0.3, ${HTML_TYPE};q=0.3`, HTML_TYPE],
  ['A8: named before covered', 'text/html, */*', TEXT],
  ['A8: named before covered', `${HTML_TYPE}, */*`, HTML_TYPE],
  ['A9: other JSON', 'application/json', UNACCEPTABLE],
  ['A9: a later version', 'application/vnd.pypi.simple.v2+json', UNACCEPTABLE],
  ['A9: nothing at all', '*/*;q=0', UNACCEPTABLE],
  ['A9: no type', 'json', UNACCEPTABLE],
]

const ENCODINGS: readonly (readonly [accept: string | undefined, encoding: string])[] = [
  [undefined, 'identity'],
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, deflate', 'gzip'],
  ['gzip, deflate, zstd', 'zstd'],
  ['gzip, deflate, br, zstd', 'zstd'],
  ['zstd;q=0.5, gzip', 'gzip'],
  ['zstd;q=0, gzip', 'gzip'],
  ['gzip;q=0', 'identity'],
  ['gzip;q=0, *', 'identity'],
  ['*', 'gzip'],
  ['*;q=0', 'identity'],
  ['gzip;q=0.2', 'gzip'],
  ['identity, gzip;q=0.5', 'identity'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity;q=0', 'identity'],
  ['br', 'identity'],
  ['gzip;q=', 'identity'],
]

suite('negotiation', () => {
  for (const [row, accept, expected] of ACCEPTS) {
    test(`${row}: ${accept} gets ${expected}`, () => {
      // The second time it comes from memory.
      for (const _ of [1, 2]) {
        if (expected !== UNACCEPTABLE) assert.equal(negotiateType(accept), expected)
        else
          assert.throws(() => negotiateType(accept), {
            code: 'ERR_NOT_ACCEPTABLE',
            message: /v1\+json.*v1\+html.*text\/html/,
          })
      }
    })
  }

  for (const [accept, expected] of ENCODINGS) {
    test(`D6: Accept-Encoding ${accept} gets ${expected}`, () => {
      for (const _ of [1, 2]) assert.equal(negotiateEncoding(accept), expected)
    })
  }

  test('A10: format is one exact type, with its plus sign however it came', () => {
    assert.equal(parseFormat(JSON_TYPE), JSON_TYPE)
    assert.equal(parseFormat('application/vnd.pypi.simple.latest html'), HTML_TYPE)
    assert.equal(parseFormat('text/html'), TEXT)
    for (const bad of ['', 'json', '*/*', 'application/json']) {
      assert.throws(() => parseFormat(bad), { code: 'ERR_NOT_ACCEPTABLE' })
    }
  })
})
