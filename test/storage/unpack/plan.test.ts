import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../../storage/archive/archive.ts'
import { parseTreePath } from '../../../storage/tree-path.ts'
import { planShares } from '../../../storage/unpack/plan.ts'

const MIB = 1024 * 1024

interface MemberOptions {
  readonly folder?: string
  /** 0 stored, 8 deflated. */
  readonly method?: number
  /** Of each; what has the same, and the same size, has the same contents. */
  readonly checksum?: (index: number) => number
}

function members(
  sizes: readonly number[],
  { folder = 'pkg', method = 8, checksum = (index) => index }: MemberOptions = {},
): Member[] {
  return sizes.map((size, index) => ({
    path: parseTreePath(`${folder}/${index}`),
    isDirectory: false,
    isExecutable: false,
    method,
    crc32: checksum(index),
    size,
    dataOffset: index,
    compressedSize: method === 0 ? size : size >> 1,
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

test('a file that is half of the work has a thread to itself', () => {
  const all = members([90 * MIB, 9 * MIB, ...Array.from({ length: 60 }, () => MIB)])
  const { first, second } = planShares(all)
  assert.deepEqual(first, all.slice(0, 1))
  assert.deepEqual(second, all.slice(1))
})

test('for the little that stands around one huge file nobody is asked to help', () => {
  const all = members([500 * MIB, 300, 80, 20_000])
  assert.deepEqual(planShares(all), { first: all, second: [] })
})

test('what is stored as it is takes less than half of the time', () => {
  const inflated = members([40 * MIB])
  const stored = members([48 * MIB, 48 * MIB], { folder: 'stored', method: 0, checksum: (index) => 9 + index })
  assert.deepEqual(planShares([...stored, ...inflated]), { first: inflated, second: stored })
})

test('what has the same contents goes to one thread; where that leaves nothing to the second there is none', () => {
  const sizes = Array.from({ length: 60 }, () => MIB)
  const twins = members(sizes, { checksum: () => 1 })
  assert.deepEqual(planShares(twins), { first: twins, second: [] })
  const ends = members(sizes, { checksum: (index) => index % 59 })
  const { first, second } = planShares(ends)
  assert.deepEqual([...first.slice(0, -1), ...second, first.at(-1)], ends)
})
