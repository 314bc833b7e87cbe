import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { compressZstd } from '../../../storage/archive/zstd.ts'

/** Chunks in one buffer that is used again, as files are read. */
async function* chunks(
  bytes: Buffer,
  seen: { closed: boolean; given: number },
  failure?: Error,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(100_000)
  try {
    for (let offset = 0; offset < bytes.length; offset += buffer.length) {
      const part = bytes.subarray(offset, offset + buffer.length)
      buffer.set(part)
      seen.given += 1
      yield buffer.subarray(0, part.length)
      buffer.fill(0)
      if (failure !== undefined && seen.given === 5) throw failure
    }
  } finally {
    seen.closed = true
  }
}

const random = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * index * 31) >>> 7))

test('decompressing gives the bytes back', async () => {
  const seen = { closed: false, given: 0 }
  const out: Uint8Array[] = []
  for await (const chunk of compressZstd(chunks(random, seen), random.length)) out.push(chunk)
  assert.ok(zstdDecompressSync(Buffer.concat(out)).equals(random))
  assert.equal(seen.closed, true)
})

test('what fails in the source fails for the reader', async () => {
  const seen = { closed: false, given: 0 }
  const failure = new Error('the disk is on fire')
  await assert.rejects(async () => {
    for await (const _ of compressZstd(chunks(random, seen, failure), random.length)) assert.ok(_.length > 0)
  }, failure)
})

test('a source that is too short fails', async () => {
  const seen = { closed: false, given: 0 }
  await assert.rejects(async () => {
    for await (const _ of compressZstd(chunks(random, seen), random.length + 1)) assert.ok(_.length > 0)
  })
})

test('who stops reading stops the source, long before its end', async () => {
  const seen = { closed: false, given: 0 }
  const endless = Buffer.concat(Array.from({ length: 30 }, () => random))
  for await (const chunk of compressZstd(chunks(endless, seen), endless.length)) {
    assert.ok(chunk.length > 0)
    break
  }
  assert.equal(seen.closed, true)
  assert.ok(seen.given < 400, `${seen.given} of 900 chunks`)
})
