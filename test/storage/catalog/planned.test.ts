import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Planned } from '../../../storage/catalog/planned.ts'
import type { PrunedDistribution } from '../../../storage/catalog/pruning.ts'
import { distributionOf, sightingOf } from '../../contract/catalog-samples.ts'

test('what was planned comes out as it went in, however much it is', () => {
  const expected = Array.from({ length: 600 }, (_, number): PrunedDistribution => {
    const { blake3, sha256 } = distributionOf(`${number}`)
    const sightings =
      number % 7 === 0 ? [] : [sightingOf(`spam-${number}.tar.gz`), sightingOf('spam-1-py3-none-any.whl')]
    const reason = number % 2 === 0 ? 'size' : 'unused'
    return { blake3, sha256, size: number * 2 ** 40, sightings, usedAt: number - 5, reason, freedBytes: number / 3 }
  })
  const planned = new Planned()
  for (const { blake3, sha256, sightings, size, usedAt, ...outcome } of expected) {
    const raw = { blake3: Buffer.from(blake3, 'hex'), sha256: Buffer.from(sha256, 'hex') }
    planned.add({ ...raw, size, usedAt, id: 1, tree: null, sightings: JSON.stringify(sightings) }, outcome)
  }
  assert.equal(planned.length, 600)
  assert.deepEqual([...planned], expected)
  assert.deepEqual(planned.at(599), expected[599])
  assert.equal(planned.at(600), undefined)
})
