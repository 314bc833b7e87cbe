import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedMemory } from '../../storage/bounded-memory.ts'
import { hashBlake3 } from '../../storage/digest.ts'

const [a, b, c] = ['a', 'b', 'c'].map((text) => hashBlake3(Buffer.from(text))) as [never, never, never]

function memoryOf(maxBytes: number): BoundedMemory<Buffer> {
  return new BoundedMemory({ maxBytes, sizeOf: ({ length }) => length })
}

test('what was used last stays, as far as the bytes go', () => {
  const memory = memoryOf(20)
  const [first, second] = [Buffer.alloc(10), Buffer.alloc(10)]
  memory.set(a, first)
  memory.set(b, second)
  assert.equal(memory.get(a), first)
  memory.set(c, Buffer.alloc(10))
  assert.equal(memory.get(b), undefined)
  assert.equal(memory.get(a), first)
})

test('of what is larger than all of it the last one is there, and takes the place of nothing small', () => {
  const memory = memoryOf(20)
  const small = Buffer.alloc(10)
  const [large, larger] = [Buffer.alloc(21), Buffer.alloc(30)]
  memory.set(a, small)
  memory.set(b, large)
  assert.equal(memory.get(b), large)
  memory.set(c, larger)
  assert.equal(memory.get(b), undefined)
  assert.equal(memory.get(c), larger)
  assert.equal(memory.get(a), small)
})

test('what is forgotten is gone, however large', () => {
  const memory = memoryOf(20)
  const large = Buffer.alloc(21)
  memory.set(a, large)
  memory.delete(b)
  assert.equal(memory.get(a), large)
  memory.delete(a)
  assert.equal(memory.get(a), undefined)
  memory.set(a, large)
  memory.clear()
  assert.equal(memory.get(a), undefined)
  assert.equal(large.length, 21, 'and not only because nobody has it any more')
})
