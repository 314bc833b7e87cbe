import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFresh } from '../../server/freshness.ts'

const MINUTE_MS = 60_000
const policy = { freshMs: 5 * MINUTE_MS }

test('D4: fresh for as long as it is configured, and for a moment only where a client insists', () => {
  assert.equal(isFresh(0, 4 * MINUTE_MS, policy), true)
  assert.equal(isFresh(0, 5 * MINUTE_MS, policy), false)
  assert.equal(isFresh(0, 4000, policy, { insists: true }), true)
  assert.equal(isFresh(0, MINUTE_MS, policy, { insists: true }), false)
})

test('D4: what was fetched while the clock was years ahead is not fresh until then', () => {
  assert.equal(isFresh(1000 * 24 * 60 * MINUTE_MS, 0, policy), false)
  assert.equal(isFresh(500, 0, policy), true, 'set back a little, as clocks are')
})
