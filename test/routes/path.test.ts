import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePath } from '../../routes/path.ts'

const malformed = { code: 'ERR_MALFORMED' }

test('each segment is decoded once', () => {
  assert.deepEqual(parsePath('http://h/a/b%2Bc/%2541/d%20e?x=%2F#y'), ['a', 'b+c', '%41', 'd e'])
  assert.deepEqual(parsePath('http://h/a/'), ['a', ''])
  assert.deepEqual(parsePath('http://h:1/'), [''])
})

for (const path of ['a%2Fb', 'a%2fb', 'a%00b', '%zz', '%', '%ff']) {
  test(`A14: ${path} is refused`, () => {
    assert.throws(() => parsePath(`http://h/x/${path}`), malformed)
  })
}
