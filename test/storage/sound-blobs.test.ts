import assert from 'node:assert/strict'
import { copyFile, rename, stat, utimes } from 'node:fs/promises'
import { test } from 'node:test'
import type { BlobStore, OpenBlob } from '../../storage/blobs/blob-store.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import type { FileStamp } from '../../storage/io.ts'
import type { Place } from '../../storage/model.ts'
import { PassingBlob } from '../../storage/passing-blob.ts'
import { SoundBlobs } from '../../storage/sound-blobs.ts'
import { StoredBlobs } from '../../storage/stored-blobs.ts'
import { someBytes } from '../support/memory-content.ts'
import { noMender } from '../support/no-mender.ts'
import { openWheelStore, readBlob, SPAM, tamper } from '../support/wheel-store.ts'

const NOW = 1e12
const BYTES = someBytes(1000)
const BLOB = { blake3: hashBlake3(BYTES), size: BYTES.length }

/** Reads a blob whose file is in some state; whether it had to be hashed, and was as its name says. */
function read(sound: SoundBlobs, stamp: FileStamp | Error, bytes = BYTES): 'trusted' | 'sound' | 'damaged' {
  const file = {
    stamp() {
      if (stamp instanceof Error) throw stamp
      return stamp
    },
  } as Partial<OpenBlob> as OpenBlob
  const passing = sound.watch(BLOB, file)
  if (passing === undefined) return 'trusted'
  const parts = [0, 600].map((position) => ({ bytes: bytes.subarray(position, position + 600), position }))
  return parts.every((part) => passing.isAsNamed(part)) ? 'sound' : 'damaged'
}

test('a file that was found sound is hashed again only when it was changed, and not trusted before it was hashed to its end', () => {
  const sound = new SoundBlobs(() => NOW)
  const [before, after] = [1, 2].map((text) => ({ text: String(text), changedAt: NOW - 10_000 })) as [
    FileStamp,
    FileStamp,
  ]
  assert.equal(read(sound, before, someBytes(1000, 7)), 'damaged')
  sound.watch(BLOB, { stamp: () => before } as Partial<OpenBlob> as OpenBlob)
  const states = [before, before, before, after, after, before]
  assert.deepEqual(
    states.map((stamp) => read(sound, stamp)),
    ['sound', 'trusted', 'trusted', 'sound', 'trusted', 'sound'],
  )
})

test('what may still be changed without another time, or has none, is hashed at each read', () => {
  const sound = new SoundBlobs(() => NOW)
  for (const stamp of [
    { text: 'new', changedAt: NOW - 1999 },
    { text: 'later', changedAt: NOW + 1e6 },
    new Error('EIO'),
  ]) {
    assert.equal(read(sound, stamp), 'sound')
    assert.equal(read(sound, stamp), 'sound')
  }
})

/** Everything in it was written long ago. */
const LATER = { clock: () => Date.now() + 60_000 }

test('a file is hashed once; when it was changed that is seen, though its time was set back, and the next read is right', async (t) => {
  const wheelStore = await openWheelStore(t, LATER)
  const { store, wheel } = wheelStore
  const get = async (): Promise<Buffer> => {
    const blob = await store.findDistribution(wheel.blake3)
    assert.ok(blob)
    return readBlob(blob)
  }
  const { mock: hashed } = t.mock.method(PassingBlob.prototype, 'isAsNamed')
  const counts: number[] = []
  for (let round = 0; round < 3; round += 1) {
    assert.ok((await get()).equals(SPAM))
    counts.push(hashed.callCount())
  }
  assert.ok(counts[0] !== 0 && counts.every((count) => count === counts[0]), counts.join())
  const path = await wheelStore.pathOf('wheel')
  const { atime, mtime } = await stat(path)
  await tamper(path, 'flip')
  await utimes(path, atime, mtime)
  const before = await store.findDistribution(wheel.blake3)
  assert.ok(before)
  await assert.rejects(readBlob(before), { code: 'ERR_BLOB_DAMAGED' })
  assert.ok((await readBlob(before)).equals(SPAM))
  assert.equal(wheelStore.downloads(), 1)
})

test('where another process has replaced a damaged file, one response breaks off and the next has the new one', async (t) => {
  const wheelStore = await openWheelStore(t, LATER)
  const { store, wheel, damages } = wheelStore
  const blob = await store.findDistribution(wheel.blake3)
  assert.ok(blob && (await readBlob(blob)).equals(SPAM))
  const path = await wheelStore.pathOf('wheel')
  await copyFile(path, `${path}.new`)
  await tamper(path, 'flip')
  await rename(`${path}.new`, path)
  await assert.rejects(readBlob(blob), { code: 'ERR_BLOB_DAMAGED' })
  assert.ok((await readBlob(blob)).equals(SPAM))
  assert.deepEqual(damages, [])
})

test('of a blob in a pack that is read from there, the pack is what is damaged', async () => {
  const pack = someBytes(3000)
  const blob = pack.subarray(1000, 2000)
  const [name, blake3] = [hashBlake3(pack), hashBlake3(blob)]
  const place: Place = { kind: 'packed', pack: name, offset: 1000, size: blob.length }
  const bytes = Buffer.from(pack)
  const file: OpenBlob = {
    blake3: name,
    size: pack.length,
    read: (buffer, position) => Promise.resolve(bytes.copy(buffer, 0, position)),
    stamp: () => ({ text: String(bytes[1500]), changedAt: 0 }),
    close() {},
  }
  const blobs = new StoredBlobs({
    catalog: { findPlace: () => Promise.resolve(place) } as Partial<Catalog> as Catalog,
    blobs: { open: () => Promise.resolve(file) } as Partial<BlobStore> as BlobStore,
    mender: noMender,
    sound: new SoundBlobs(() => NOW),
    memoryBytes: 1,
  })
  const stored = await blobs.find(blake3)
  assert.ok(stored && (await readBlob(stored)).equals(blob))
  bytes[1500] = 255 - (bytes[1500] ?? 0)
  await assert.rejects(readBlob(stored), { code: 'ERR_BLOB_DAMAGED', blake3: name })
})
