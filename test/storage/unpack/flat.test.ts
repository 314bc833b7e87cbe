import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBlake3 } from '../../../storage/digest.ts'
import { parseTreePath } from '../../../storage/tree-path.ts'
import { flattenPlaces, flattenWork, placesOf, workOf } from '../../../storage/unpack/flat.ts'
import type { Task } from '../../../storage/unpack/plan.ts'
import { Queue } from '../../../storage/unpack/queue.ts'

const file = {
  path: parseTreePath('pkg/ünïcode 🐍.py'),
  isDirectory: false,
  isExecutable: true,
  method: 8,
  crc32: 0xffffffff,
  size: 0,
  dataOffset: 2 ** 40,
  compressedSize: 2 ** 33 + 1,
}
const tasks: readonly Task[] = [
  { member: file, listing: undefined },
  { member: file, listing: { algorithm: 'sha256', hex: 'ab', size: 0 } },
  { member: { ...file, isExecutable: false }, listing: { algorithm: undefined, hex: '', size: undefined } },
  { member: { ...file, isDirectory: true, method: 0 }, listing: { algorithm: 'sha512', hex: 'cd', size: 2 ** 40 } },
]

test('what a thread has to do is the same after its way to it, and the queue is one', () => {
  for (const [large, share] of [
    [tasks, tasks.slice(1)],
    [[], []],
  ] as const) {
    const queue = new Queue(large)
    const work = workOf(structuredClone(flattenWork({ queue, share })))
    assert.deepEqual([work.queue.tasks, work.share], [large, share])
    assert.deepEqual([...work.queue.take(), ...queue.take()], large)
  }
})

test('places are the same after their way to another thread', () => {
  const [one, other, pack, second] = ['1', '2', '3', '4'].map((text) => hashBlake3(Buffer.from(text)))
  assert.ok(one !== undefined && other !== undefined && pack !== undefined && second !== undefined)
  const placed = [
    [pack, { kind: 'file', size: 2 ** 40 }],
    [one, { kind: 'packed', pack, offset: 0, size: 0 }],
    [other, { kind: 'packed', pack: second, offset: 2 ** 33, size: 7 }],
    [second, { kind: 'packed', pack, offset: 7, size: 1 }],
  ] as const
  assert.deepEqual(placesOf(structuredClone(flattenPlaces(placed))), placed)
  assert.deepEqual(placesOf(structuredClone(flattenPlaces([]))), [])
})
