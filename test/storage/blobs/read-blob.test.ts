import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, test } from 'node:test'
import type { OpenBlob } from '../../../storage/blobs/blob-store.ts'
import { readBlob } from '../../../storage/blobs/read-blob.ts'
import { LARGE_BYTES, ReadBuffers, SMALL_BYTES } from '../../../storage/blobs/read-buffers.ts'
import { hashBlake3 } from '../../../storage/digest.ts'
import { collect } from '../../contract/blob-store.ts'

const NEVER = new AbortController().signal

interface Reads {
  closed: number
  running: number
  failAt?: number
}

/** A blob in memory that keeps count. */
function blobOf(content: Uint8Array, reads: Reads): OpenBlob {
  return {
    blake3: hashBlake3(content),
    size: content.length,
    async read(buffer, position) {
      assert.equal(reads.closed, 0, 'nothing is read from a closed blob')
      reads.running += 1
      await new Promise((resolve) => setImmediate(resolve))
      reads.running -= 1
      if (reads.failAt !== undefined && position >= reads.failAt) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      const slice = content.subarray(position, position + buffer.length)
      buffer.set(slice)
      return slice.length
    },
    stamp: () => assert.fail('nobody asks'),
    close() {
      assert.equal(reads.running, 0, 'a blob is not closed under a read')
      reads.closed += 1
    },
  }
}

describe('any stretch is read exactly, and the blob closed once', () => {
  const content = randomBytes(3 * LARGE_BYTES + 12_345)
  const end = content.length - 1
  const ranges = [
    [0, end],
    [0, 0],
    [end, end],
    [5, 4],
    [0, SMALL_BYTES - 1],
    [1, SMALL_BYTES + 1],
    [7, LARGE_BYTES + 6],
    [7, LARGE_BYTES + 7],
    [100, 2 * LARGE_BYTES + 99],
    [LARGE_BYTES - 1, end - 1],
  ] as const
  for (const [first, last] of ranges) {
    it(`${first} to ${last}`, async () => {
      const reads: Reads = { closed: 0, running: 0 }
      const bytes = await collect(await readBlob(blobOf(content, reads), { first, last }, NEVER))
      assert(bytes.equals(content.subarray(first, last + 1)))
      assert.equal(reads.closed, 1)
    })
  }
})

test('a chunk stays as it is while the next is being read, for many readers at once', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, index) => readFilled(index + 1)))
})

async function readFilled(fill: number): Promise<void> {
  const content = Buffer.alloc(5 * LARGE_BYTES, fill)
  const reads: Reads = { closed: 0, running: 0 }
  for await (const chunk of await readBlob(blobOf(content, reads), { first: 0, last: content.length - 1 }, NEVER)) {
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    assert(chunk.every((byte) => byte === fill))
  }
  assert.equal(reads.closed, 1)
}

test('the next chunk is being read while the consumer has the last', async () => {
  const reads: Reads = { closed: 0, running: 0 }
  const content = randomBytes(3 * LARGE_BYTES)
  const reading = await readBlob(blobOf(content, reads), { first: 0, last: content.length - 1 }, NEVER)
  await reading.next()
  assert.equal(reads.running, 1)
  await reading.return?.()
  assert.equal(reads.closed, 1)
})

test('giving up closes the blob once, whether it was started or not', async () => {
  for (const steps of [0, 1, 2]) {
    const reads: Reads = { closed: 0, running: 0 }
    const content = randomBytes(4 * LARGE_BYTES)
    const reading = await readBlob(blobOf(content, reads), { first: 0, last: content.length - 1 }, NEVER)
    for (let step = 0; step < steps; step += 1) await reading.next()
    await reading.return?.()
    await reading.return?.()
    assert.equal((await reading.next()).done, true)
    assert.equal(reads.closed, 1)
  }
})

test('a range beyond the end is damage before anything is read', async () => {
  const reads: Reads = { closed: 0, running: 0 }
  const blob = blobOf(randomBytes(10), reads)
  await assert.rejects(readBlob(blob, { first: 0, last: 10 }, NEVER), {
    code: 'ERR_BLOB_DAMAGED',
    blake3: blob.blake3,
  })
  assert.equal(reads.closed, 1)
})

test('a first read that fails rejects at once; a later one breaks the iteration off', async () => {
  const content = randomBytes(3 * LARGE_BYTES)
  const range = { first: 0, last: content.length - 1 }
  const first: Reads = { closed: 0, running: 0, failAt: 0 }
  await assert.rejects(readBlob(blobOf(content, first), range, NEVER), { code: 'EIO' })
  assert.equal(first.closed, 1)

  const later: Reads = { closed: 0, running: 0, failAt: LARGE_BYTES }
  const reading = await readBlob(blobOf(content, later), range, NEVER)
  assert.equal((await reading.next()).done, false)
  await assert.rejects(reading.next(), { code: 'EIO' })
  assert.equal((await reading.next()).done, true)
  assert.equal(later.closed, 1)
})

test('an aborted signal ends it with its reason', async () => {
  const content = randomBytes(3 * LARGE_BYTES)
  const range = { first: 0, last: content.length - 1 }
  const before: Reads = { closed: 0, running: 0 }
  await assert.rejects(readBlob(blobOf(content, before), range, AbortSignal.abort(new Error('gone'))), /gone/)
  assert.equal(before.closed, 1)

  const aborting = new AbortController()
  const during: Reads = { closed: 0, running: 0 }
  const reading = await readBlob(blobOf(content, during), range, aborting.signal)
  await reading.next()
  aborting.abort(new Error('left'))
  await assert.rejects(reading.next(), /left/)
  assert.equal(during.closed, 1)
})

test('many slow readers get small buffers, and a buffer that came back is lent again', () => {
  const buffers = new ReadBuffers()
  const lent = Array.from({ length: 1000 }, () => buffers.lend(100 * LARGE_BYTES))
  const bytes = lent.reduce((sum, buffer) => sum + buffer.length, 0)
  assert(bytes < 130 << 20, `${bytes} bytes for 1000 readers`)
  for (const buffer of lent) buffers.giveBack(buffer)
  assert.equal(buffers.lent, 0)
  assert(lent.includes(buffers.lend(LARGE_BYTES)))
})
