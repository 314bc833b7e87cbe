import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, inflateRawSync } from 'node:zlib'
import { deflateRuns } from '../../../storage/archive/deflate-runs.ts'
import { gzipRuns } from '../../../storage/archive/gzip-member.ts'

/** A small generator with a seed, so that a failure can be seen again. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state >>> 8
  }
}

test('inflating gives the bytes back, for runs of every length and every byte', () => {
  for (let length = 0; length < 1100; length += 1) {
    const bytes = Buffer.concat([Buffer.from([length & 255]), Buffer.alloc(length, (length * 7) & 255)])
    assert.deepEqual(inflateRawSync(deflateRuns(bytes)), bytes, `a run of ${length}`)
  }
})

test('inflating gives the bytes back, for mixtures of runs and noise', () => {
  const random = numbers(42)
  for (let round = 0; round < 300; round += 1) {
    const parts = Array.from({ length: random.next().value % 20 }, () => {
      const length = random.next().value % 700
      const noise = Buffer.from(Array.from({ length: length % 40 }, () => random.next().value & 255))
      return random.next().value % 2 === 0 ? Buffer.alloc(length, random.next().value & 255) : noise
    })
    const bytes = Buffer.concat(parts)
    assert.deepEqual(inflateRawSync(deflateRuns(bytes)), bytes)
    assert.deepEqual(gunzipSync(gzipRuns(bytes)), bytes)
  }
})

test('a tar header shrinks to a fraction', () => {
  const header = Buffer.concat([Buffer.from('package/module.py'), Buffer.alloc(495)])
  assert.ok(deflateRuns(header).length < 40)
})
