import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTreePath } from '../../../storage/tree-path.ts'
import type { Task } from '../../../storage/unpack/plan.ts'
import { Queue } from '../../../storage/unpack/queue.ts'

/** Tasks whose contents are equal where their checksums are. */
function tasksOf(...checksums: readonly number[]): Task[] {
  return checksums.map((crc32, index) => ({
    member: {
      path: parseTreePath(`pkg/${index}`),
      isDirectory: false,
      isExecutable: false,
      method: 8,
      crc32,
      size: 100_000,
      dataOffset: index,
      compressedSize: 50_000,
    },
    listing: undefined,
  }))
}

test('each task is taken by one of two threads, in their order', () => {
  const tasks = tasksOf(1, 2, 3, 4, 5)
  const queue = new Queue(tasks)
  const one = queue.take()
  const other = new Queue(tasks, structuredClone(queue.taken)).take()
  const taken = [one.next().value, other.next().value, other.next().value, one.next().value, other.next().value]
  assert.deepEqual(taken, tasks)
  assert.deepEqual([one.next().done, other.next().done], [true, true])
})

test('those of equal contents all go to whoever has the first of them', () => {
  const tasks = tasksOf(1, 1, 1, 2, 3, 3)
  const queue = new Queue(tasks)
  const [one, other] = [queue.take(), queue.take()]
  one.next()
  assert.deepEqual([...other], tasks.slice(3))
  assert.deepEqual([...one], tasks.slice(1, 3))
})

test('when one thread ends it the other gets nothing more', () => {
  const queue = new Queue(tasksOf(1, 2, 3))
  const [one, other] = [queue.take(), queue.take()]
  one.next()
  queue.end()
  assert.deepEqual([...one, ...other], [])
})
