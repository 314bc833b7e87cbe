import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasPassed } from '../../storage/clock.ts'

test('time has passed when it is so long since', () => {
  assert.equal(hasPassed(1000, 5000, 5999), false)
  assert.equal(hasPassed(1000, 5000, 6000), true)
  assert.equal(hasPassed(1000, -Infinity, 0), true)
})

test('and where the clock was set back since, by more than clocks are', () => {
  assert.equal(hasPassed(1000, 5000, 4500), false)
  assert.equal(hasPassed(1000, 5000, 4000), true)
})
