import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../../storage/archive/member.ts'
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

test('both threads have equally much to do of the small files, each in the order of the file', () => {
  const all = members(Array.from({ length: 4000 }, (_, index) => 100 * (index % 97)))
  const { large, first, second, isShared } = planShares(all)
  assert.deepEqual([large, isShared], [[], true])
  assert.deepEqual([...first, ...second], all)
  assert.ok(Math.abs(sum(first) - sum(second)) < sum(all) / 10)
})

test('what is a file of its own is in the queue: the largest first, then those that are read whole, as they come', () => {
  const sizes = [64 * 1024 - 1, 64 * 1024, 5 * MIB, MIB, 9 * MIB, 70_000, 4 * MIB]
  const all = members(sizes)
  const { large, first, second } = planShares(all)
  assert.deepEqual(
    large.map(({ size }) => size),
    [9 * MIB, 5 * MIB, 64 * 1024, MIB, 70_000, 4 * MIB],
  )
  assert.deepEqual([...first, ...second], all.slice(0, 1))
})

test('whoever is likely to have a huge file to do has none of the small ones', () => {
  const small = Array.from({ length: 600 }, () => 60_000)
  const all = members([90 * MIB, ...small])
  const { first, second } = planShares(all)
  assert.deepEqual([first, second], [[], all.slice(1)])
})

test('for the little that stands around one huge file nobody is asked to help', () => {
  const all = members([500 * MIB, 300, 80, 20_000])
  assert.deepEqual(planShares(all), {
    large: all.slice(0, 1),
    first: all.slice(1),
    second: [],
    isShared: false,
  })
})

test('what is stored as it is takes less than half of the time', () => {
  const inflated = members([40 * MIB])
  const stored = members([48 * MIB, 48 * MIB], {
    folder: 'stored',
    method: 0,
    checksum: (index) => 9 + index,
  })
  assert.deepEqual(planShares([...stored, ...inflated]).large, [...inflated, ...stored])
})

test('what has the same contents goes to one thread, in however many bytes it is packed', () => {
  const [small, ...others] = members(Array.from({ length: 4000 }, (_, index) => 9000 + index))
  assert.ok(small !== undefined)
  const long = { ...small, compressedSize: 5 * MIB }
  assert.deepEqual(planShares([small, ...others, long]).first.slice(-1), [long])
  const sizes = Array.from({ length: 4000 }, () => 9000)
  const twins = members(sizes, { checksum: () => 1 })
  assert.deepEqual(planShares(twins), {
    large: [],
    first: twins,
    second: [],
    isShared: false,
  })
  const ends = members(sizes, { checksum: (index) => index % 3999 })
  const { first, second } = planShares(ends)
  assert.deepEqual([...first.slice(0, -1), ...second, first.at(-1)], ends)
  const large = members([MIB, MIB + 1, MIB, 8 * MIB, MIB + 1], {
    checksum: (index) => [1, 2, 1, 3, 2][index] ?? 0,
  })
  assert.deepEqual(
    planShares(large).large.map(({ dataOffset }) => dataOffset),
    [3, 0, 2, 1, 4],
  )
})
