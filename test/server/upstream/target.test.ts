import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAmong } from '../../../server/upstream/target.ts'

for (const [host, url, expected] of [
  ['files.example', 'https://files.example/a', true],
  ['files.example', 'http://files.example/a', true],
  ['files.example', 'https://files.example:8443/a', false],
  ['files.example:8443', 'https://files.example:8443/a', true],
  ['files.example:443', 'https://files.example/a', true],
  ['files.example:443', 'http://files.example/a', false],
  ['files.example:443', 'https://files.example:8443/a', false],
  ['files.example:443', 'http://files.example:443/a', true],
  ['files.example:80', 'http://files.example/a', true],
  ['[::1]:443', 'https://[::1]/a', true],
  ['files.example', 'https://files.example.evil/a', false],
] as const) {
  test(`H9: with ${host} allowed, ${url} ${expected ? 'may' : 'may not'} be asked`, () => {
    assert.equal(isAmong([host], new URL(url)), expected)
  })
}
