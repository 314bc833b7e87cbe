import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobStore } from '../../storage/blobs/blob-store.ts'
import { BlobsInTurn } from '../../storage/blobs-in-turn.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { systemClock } from '../../storage/clock.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import type { Mender } from '../../storage/mending.ts'
import { noMender } from '../support/no-mender.ts'
import type { Place } from '../../storage/model.ts'
import { SoundBlobs } from '../../storage/sound-blobs.ts'
import { someBytes } from '../support/memory-content.ts'

/** A pack of `count` small blobs, and a large blob; `reads` counts what is read of files. */
function setUp(count: number, mender: Mender = noMender) {
  const blobs = Array.from({ length: count }, (_, index) => someBytes(1 + ((index * 7919) % 60_000), index))
  const pack = Buffer.concat(blobs)
  const large = someBytes(900_000, 77)
  const files = new Map<Blake3, Buffer>([pack, large].map((bytes) => [hashBlake3(bytes), bytes]))
  const places = new Map<Blake3, Place>([[hashBlake3(large), { kind: 'file', size: large.length }]])
  let offset = 0
  for (const blob of blobs) {
    places.set(hashBlake3(blob), { kind: 'packed', pack: hashBlake3(pack), offset, size: blob.length })
    offset += blob.length
  }
  const seen = { reads: 0, open: 0, max: Infinity, stamp: 'as it was' }
  const store = {
    open(blake3: Blake3) {
      const bytes = files.get(blake3)
      if (bytes === undefined) return Promise.resolve(undefined)
      if (seen.open >= seen.max) return Promise.reject(Object.assign(new Error('too many'), { code: 'EMFILE' }))
      seen.open += 1
      return Promise.resolve({
        blake3,
        size: bytes.length,
        read(buffer: Uint8Array, position: number) {
          seen.reads += 1
          const part = bytes.subarray(position, position + buffer.length)
          buffer.set(part)
          return Promise.resolve(part.length)
        },
        stamp: () => ({ text: seen.stamp, changedAt: 0 }),
        close: () => (seen.open -= 1),
      })
    },
  } as Partial<BlobStore> as BlobStore
  const catalog = {
    findPlace: (blake3: Blake3) => Promise.resolve(places.get(blake3)),
    findPlaces: (blake3s: readonly Blake3[]) =>
      Promise.resolve(
        new Map(blake3s.flatMap((blake3) => [[blake3, places.get(blake3)!] as const].filter(([, place]) => place))),
      ),
  } as Partial<Catalog> as Catalog
  return {
    blobs,
    large,
    files,
    places,
    pack,
    seen,
    inTurn: new BlobsInTurn({ catalog, blobs: store, mender, sound: new SoundBlobs(systemClock) }),
  }
}

async function read(inTurn: BlobsInTurn, blob: Buffer, first = 0, length = blob.length - first): Promise<Buffer> {
  const target = Buffer.alloc(length, 'not read')
  await inTurn.read(hashBlake3(blob), target, first)
  return target
}

test('what follows in the pack is read along', async () => {
  const { blobs, inTurn, seen, pack } = setUp(200)
  for (const blob of blobs) assert.ok((await read(inTurn, blob)).equals(blob))
  assert.ok(seen.reads <= pack.length / 150_000 + 2, `${seen.reads} reads of ${pack.length} bytes`)
  assert.equal(seen.open, 0)
})

test('blobs in any order, whole and in parts, are what they are', async () => {
  const { blobs, large, inTurn, seen } = setUp(100)
  for (let round = 0; round < 2000; round += 1) {
    const blob = round % 50 === 0 ? large : (blobs[(round * 31 + ((round * round) >> 3)) % blobs.length] ?? large)
    const first = round % 3 === 0 ? (round * 13) % blob.length : 0
    assert.ok((await read(inTurn, blob, first)).equals(blob.subarray(first)), `round ${round}`)
  }
  assert.equal(seen.open, 0)
})

test('what is not stored, or is shorter than it should be, is damage', async () => {
  const { blobs, large, files, pack, inTurn, seen } = setUp(10)
  const damaged = { code: 'ERR_BLOB_DAMAGED' }
  await assert.rejects(read(inTurn, Buffer.from('never stored')), damaged)
  await assert.rejects(inTurn.read(hashBlake3(large), Buffer.alloc(2), large.length - 1), damaged)
  files.set(hashBlake3(large), large.subarray(1))
  await assert.rejects(read(inTurn, large), damaged)
  files.set(hashBlake3(pack), pack.subarray(0, pack.length - 1))
  const last = blobs.at(-1) ?? large
  await assert.rejects(read(inTurn, last), damaged)
  for (const blob of blobs.slice(0, -1)) await read(inTurn, blob)
  await assert.rejects(read(inTurn, last), damaged)
  files.delete(hashBlake3(pack))
  await assert.rejects(read(inTurn, last), damaged)
  assert.equal(seen.open, 0)
})

test('what has other bytes than its name says is damage: at once, or at the last piece of what is read from its start', async () => {
  const { blobs, large, files, pack, inTurn } = setUp(10)
  const [first = large, second = large] = blobs
  files.set(hashBlake3(large), changeAt(large, 1))
  files.set(hashBlake3(pack), changeAt(pack, first.length))
  await read(inTurn, first)
  await assert.rejects(read(inTurn, second), damageOf(pack))
  await assert.rejects(read(inTurn, large), damageOf(large))
  await read(inTurn, large, 0, 600_000)
  await assert.rejects(read(inTurn, large, 600_000), damageOf(large))
  // What was left out cannot be told.
  await read(inTurn, large, 0, 10)
  await read(inTurn, large, 600_000)
  await read(inTurn, first, 0, 1)
  await read(inTurn, large, 600_000)
})

test('what was found right is not hashed again as long as its file is as it was', async () => {
  const { large, files, inTurn, seen } = setUp(1)
  const readInPieces = async (): Promise<void> => {
    await read(inTurn, large, 0, 600_000)
    await read(inTurn, large, 600_000)
  }
  await readInPieces()
  files.set(hashBlake3(large), changeAt(large, 1))
  await readInPieces()
  seen.stamp = 'changed'
  await assert.rejects(readInPieces(), damageOf(large))
})

test('what is healed while it is read in pieces goes on', async () => {
  const { large, files, inTurn } = setUp(1, {
    ...noMender,
    mend() {
      files.set(hashBlake3(large), large)
      return Promise.resolve(true)
    },
  })
  await read(inTurn, large, 0, 300_000)
  files.delete(hashBlake3(large))
  await read(inTurn, large, 300_000, 300_000)
  await read(inTurn, large, 600_000)
})

function damageOf(file: Buffer): object {
  return { code: 'ERR_BLOB_DAMAGED', blake3: hashBlake3(file) }
}

function changeAt(bytes: Buffer, position: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[position] = (changed[position] ?? 0) ^ 1
  return changed
}

test('what is held is read, though its file and its record are gone', async () => {
  const { blobs, large, files, places, inTurn, seen } = setUp(200)
  await inTurn.hold([...blobs, large, large].map((blob) => hashBlake3(blob)))
  assert.equal(seen.open, 2, 'each file once')
  files.clear()
  places.clear()
  for (const blob of [...blobs.slice(-100), large]) assert.ok((await read(inTurn, blob)).equals(blob))
  inTurn.close()
  assert.equal(seen.open, 0)
  await assert.rejects(inTurn.hold([hashBlake3(large)]), { code: 'ERR_BLOB_DAMAGED' })
})

test('what has no record, though nothing is damaged, was pruned', async () => {
  const { large, places, inTurn, seen } = setUp(1, { ...noMender, mend: () => Promise.resolve(true) })
  places.clear()
  await assert.rejects(inTurn.hold([hashBlake3(large)]), { code: 'ERR_STORE_CHANGED' })
  assert.equal(seen.open, 0)
})

test('what cannot be held is not held by half', async () => {
  const { blobs, large, files, inTurn, seen } = setUp(10)
  files.delete(hashBlake3(large))
  await assert.rejects(inTurn.hold([...blobs, large].map((blob) => hashBlake3(blob))), { code: 'ERR_BLOB_DAMAGED' })
  assert.equal(seen.open, 0)
})

test('where there are not enough descriptors, it is read all the same', async () => {
  const { blobs, large, inTurn, seen } = setUp(10)
  seen.max = 1
  await inTurn.hold([...blobs, large].map((blob) => hashBlake3(blob)))
  assert.equal(seen.open, 1)
  seen.max = 2
  for (const blob of [...blobs, large]) assert.ok((await read(inTurn, blob)).equals(blob))
  inTurn.close()
  assert.equal(seen.open, 0)
})
