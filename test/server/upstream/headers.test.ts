import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAfterOf } from '../../../server/upstream/headers.ts'

const date = 'Mon, 01 Jan 2024 00:00:00 GMT'

for (const [headers, seconds] of [
  [{}, undefined],
  [{ 'retry-after': '7' }, 7],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': 'Mon, 01 Jan 2024 00:00:30 GMT', date }, 30],
  [{ 'retry-after': 'Sun, 31 Dec 2023 00:00:00 GMT', date }, 0],
  // Nobody is sent away for a day, or for ever.
  [{ 'retry-after': '60' }, 60],
  [{ 'retry-after': '61' }, 60],
  [{ 'retry-after': '1000000' }, 60],
  [{ 'retry-after': '9'.repeat(400) }, 60],
  [{ 'retry-after': 'Tue, 01 Jan 2030 00:00:00 GMT', date }, 60],
  [{ 'retry-after': 'soon', date }, undefined],
  [{ 'retry-after': '-1' }, undefined],
] as const) {
  test(`G11: ${JSON.stringify(headers).slice(0, 80)} means ${seconds} seconds`, () => {
    assert.equal(retryAfterOf(headers), seconds)
  })
}
