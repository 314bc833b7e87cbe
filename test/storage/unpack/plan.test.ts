import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../../storage/archive/archive.ts'
import { parseTreePath } from '../../../storage/tree-path.ts'
import { planShares } from '../../../storage/unpack/plan.ts'

const MIB = 1024 * 1024

function members(sizes: readonly number[]): Member[] {
  return sizes.map((size, index) => ({
    path: parseTreePath(`pkg/${index}`),
    isDirectory: false,
    isExecutable: false,
    method: 8,
    crc32: index,
    size,
    dataOffset: index,
    compressedSize: size >> 1,
  }))
}

function sum(share: readonly Member[]): number {
  return share.reduce((total, { size }) => total + size, 0)
}

test('both threads have equally much to do, each in the order of the file', () => {
  const all = members(Array.from({ length: 400 }, (_, index) => 1000 * (index % 97)))
  const { first, second } = planShares(all)
  assert.deepEqual([...first, ...second], all)
  assert.ok(Math.abs(sum(first) - sum(second)) < sum(all) / 10)
})

test('a file that is half of the wheel has a thread to itself', () => {
  const all = members([80 * MIB, 9 * MIB, ...Array.from({ length: 60 }, () => MIB)])
  const { first, second } = planShares(all)
  assert.deepEqual(first, all.slice(0, 1))
  assert.deepEqual(second, all.slice(1))
})

test('for the little that stands around one huge file nobody is asked to help', () => {
  const all = members([500 * MIB, 300, 80, 20_000])
  assert.deepEqual(planShares(all), { first: all, second: [] })
})
