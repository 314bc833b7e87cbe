import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LengthMismatchError, StoreFullError } from '../../storage/errors.ts'
import { diskIo, type Io } from '../../storage/io.ts'
import { Spool } from '../../storage/spool.ts'

const { signal } = new AbortController()

async function createSpool(t: TestContext, size?: number): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-spool-'))
  t.after(() => rm(folder, { recursive: true }))
  return Spool.create({ io: diskIo, path: join(folder, 'spool'), size })
}

async function collect(spool: Spool, first = 0, last?: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of spool.follow(first, last, signal) ?? []) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Appends in uneven pieces, giving followers a turn between them. */
async function pour(spool: Spool, bytes: Uint8Array, from = 0): Promise<void> {
  for (let position = from, step = 1; position < bytes.length; position += step, step = (step * 7 + 13) % 90_000) {
    await spool.append(bytes.subarray(position, Math.min(bytes.length, position + step)))
    await new Promise(setImmediate)
  }
}

test('every follower, early, late or of a part, gets the bytes, and the digests are those of the bytes', async (t) => {
  const bytes = randomBytes(3_000_000)
  const spool = await createSpool(t, bytes.length)
  const early = [collect(spool), collect(spool, 1_000_000, 1_999_999), collect(spool, 2_900_000)]
  const pouring = pour(spool, bytes)
  await new Promise(setImmediate)
  const late = collect(spool, 5)
  await pouring
  const digests = await spool.seal()
  spool.release()
  const [whole, middle, end] = await Promise.all(early)
  assert.deepEqual(whole, bytes)
  assert.deepEqual(middle, bytes.subarray(1_000_000, 2_000_000))
  assert.deepEqual(end, bytes.subarray(2_900_000))
  assert.deepEqual(await late, bytes.subarray(5))
  assert.deepEqual(await collect(spool), bytes, 'after the release, too')
  assert.equal(digests.sha256, createHash('sha256').update(bytes).digest('hex'))
  assert.deepEqual(await readFile(spool.path), bytes)
  assert.equal(spool.copyWhole(), undefined, 'part of it is on the disk only')
  await spool.detach()
})

test('the last byte is withheld until the release, with and without a known length', async (t) => {
  for (const size of [10, undefined]) {
    const spool = await createSpool(t, size)
    await spool.append(Buffer.from('0123456789'))
    let got = ''
    const following = (async () => {
      for await (const chunk of spool.follow(0, undefined, signal) ?? []) got += Buffer.from(chunk).toString()
    })()
    await spool.seal()
    await new Promise(setImmediate)
    assert.equal(got, '012345678')
    spool.release()
    await following
    assert.equal(got, '0123456789')
    await spool.detach()
  }
})

test('a failure reaches every follower after the bytes that are there, and never the last one', async (t) => {
  const spool = await createSpool(t, 4)
  await spool.append(Buffer.from('0123'))
  const failure = new Error('wrong bytes')
  const following = collect(spool)
  spool.fail(failure)
  await assert.rejects(following, failure)
  await assert.rejects(collect(spool, 3), failure)
  assert.equal((await collect(spool, 0, 2)).toString(), '012', 'a range that is there is served')
  await spool.detach()
})

test('more bytes than announced are refused, and fewer cannot be sealed', async (t) => {
  const spool = await createSpool(t, 4)
  await spool.append(Buffer.from('012'))
  await assert.rejects(spool.append(Buffer.from('34')), LengthMismatchError)
  await assert.rejects(spool.seal(), LengthMismatchError)
  await spool.detach()
})

test('an empty file is complete once it is released', async (t) => {
  const spool = await createSpool(t, 0)
  await spool.seal()
  spool.release()
  assert.equal((await collect(spool)).length, 0)
  await spool.detach()
})

test('a follower that gives up, or is aborted, disturbs nobody', async (t) => {
  const bytes = randomBytes(200_000)
  const spool = await createSpool(t, bytes.length)
  const patient = collect(spool)
  const leaver = new AbortController()
  const aborted = (async () => {
    for await (const _ of spool.follow(0, undefined, leaver.signal) ?? []) continue
  })()
  const unstarted = spool.follow(0, undefined, signal)?.[Symbol.asyncIterator]()
  await spool.append(bytes.subarray(0, 100_000))
  leaver.abort(new Error('left'))
  await assert.rejects(aborted, /left/)
  await unstarted?.return?.()
  await spool.append(bytes.subarray(100_000))
  await spool.seal()
  spool.release()
  assert.deepEqual(await patient, bytes)
  assert.equal(spool.followers, 0)
  await spool.detach()
  assert.equal(spool.follow(0, undefined, signal), undefined, 'closed')
})

test('the file stays open for followers after the writer has left', async (t) => {
  const bytes = randomBytes(3_000_000)
  const spool = await createSpool(t, bytes.length)
  const following = spool.follow(0, undefined, signal)
  await pour(spool, bytes)
  await spool.seal()
  spool.release()
  await spool.detach()
  const chunks: Buffer[] = []
  for await (const chunk of following ?? []) chunks.push(Buffer.from(chunk))
  assert.deepEqual(Buffer.concat(chunks), bytes)
})

test('bytes that come again are compared with those that came before', async (t) => {
  const spool = await createSpool(t)
  await spool.append(Buffer.from('0123456789'))
  assert.equal(await spool.matches(Buffer.from('345'), 3), true)
  assert.equal(await spool.matches(Buffer.from('3x5'), 3), false)
  await spool.detach()
})

/** Writes past `capacity` bytes fail with `code`; with a capacity below zero, not even the file can be made. */
async function createOnSmallDisk(t: TestContext, capacity: number, code: string): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-spool-'))
  t.after(() => rm(folder, { recursive: true }))
  const fail = () => Promise.reject(Object.assign(new Error(`the disk says ${code}`), { code }))
  const io: Io = {
    ...diskIo,
    async create(path) {
      if (capacity < 0) return fail()
      const file = await diskIo.create(path)
      return {
        read: (buffer, position) => file.read(buffer, position),
        write: (bytes, position) => (position + bytes.length > capacity ? fail() : file.write(bytes, position)),
        size: () => file.size(),
        stamp: () => file.stamp(),
        sync: () => file.sync(),
        close: () => file.close(),
      }
    },
  }
  return Spool.create({ io, path: join(folder, 'spool'), size: undefined })
}

test('a disk that fails is reported by the next call, and not as an unhandled rejection', async (t) => {
  const spool = await createOnSmallDisk(t, 0, 'EIO')
  await spool.append(Buffer.from('0'))
  await assert.rejects(spool.append(Buffer.from('1')), /EIO/)
  await spool.detach()
})

test('a disk that is full, from the start or half way, or that may not be written to still serves those who follow, and keeps nothing', async (t) => {
  const bytes = randomBytes(20_000_000)
  for (const capacity of [-1, 0, 7_000_000]) {
    const spool = await createOnSmallDisk(t, capacity, capacity === 0 ? 'EACCES' : 'ENOSPC')
    const followers = [collect(spool), collect(spool)]
    for (let position = 0; position < bytes.length; position += 65_536) {
      await spool.append(bytes.subarray(position, position + 65_536))
    }
    const digests = await spool.seal()
    assert.equal(digests.sha256, createHash('sha256').update(bytes).digest('hex'))
    spool.release()
    for (const got of await Promise.all(followers)) assert.ok(got.equals(bytes))
    assert.equal(spool.isKeepable, false)
    await assert.rejects(spool.sync(), { code: 'ERR_STORE_FULL' })
    await spool.detach()
  }
})

test('on a full disk what was written goes when the last one has read it, and nobody can join any more', async (t) => {
  const bytes = randomBytes(12_000_000)
  const spool = await createOnSmallDisk(t, 3_000_000, 'ENOSPC')
  const folder = dirname(spool.path)
  const fast = collect(spool)
  const slow = spool.follow(0, undefined, signal)?.[Symbol.asyncIterator]()
  const slowChunks: Buffer[] = []
  const readSlowly = async (): Promise<boolean> => {
    const { done, value } = (await slow?.next()) ?? { done: true, value: undefined }
    if (value !== undefined) slowChunks.push(Buffer.from(value))
    return done !== true
  }
  let position = 0
  for (; position < 4_000_000; position += 65_536) await spool.append(bytes.subarray(position, position + 65_536))
  assert.deepEqual(await readdir(folder), ['spool'], 'one of them has not read it')
  const reading = (async () => {
    while (await readSlowly()) continue
  })()
  for (; position < bytes.length; position += 65_536) await spool.append(bytes.subarray(position, position + 65_536))
  assert.deepEqual(await readdir(folder), [])
  assert.equal(spool.isWhole, false)
  await spool.seal()
  spool.release()
  await reading
  assert.ok((await fast).equals(bytes))
  assert.ok(Buffer.concat(slowChunks).equals(bytes))
  await spool.detach()
})

test('a full disk with nobody following ends the download: at once if they left, else when too much waits for them', async (t) => {
  const left = await createOnSmallDisk(t, 0, 'ENOSPC')
  const following = left.follow(0, undefined, signal)?.[Symbol.asyncIterator]()
  await left.append(Buffer.from('0'))
  await following?.return?.()
  await assert.rejects(left.append(Buffer.from('1')), { code: 'ERR_STORE_FULL' })
  await left.detach()

  const unasked = await createOnSmallDisk(t, 0, 'ENOSPC')
  for (let mebibytes = 0; mebibytes < 4; mebibytes += 1) await unasked.append(Buffer.alloc(1 << 20))
  assert.ok(unasked.isWhole, 'somebody may still follow from the start')
  await assert.rejects(unasked.append(Buffer.from('1')), { code: 'ERR_STORE_FULL' })
  await unasked.detach()
})

test('what there is no room for is passed on without a file, to whoever follows before anything is dropped', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-spool-'))
  t.after(() => rm(folder, { recursive: true }))
  const bytes = randomBytes(12_000_000)
  const refusal = new StoreFullError('no room')
  const spool = await Spool.create({ io: diskIo, path: join(folder, 'spool'), size: bytes.length, refusal })
  await spool.append(bytes.subarray(0, 1_000_000))
  assert.ok(spool.isWhole)
  const following = [collect(spool), collect(spool)]
  await pour(spool, bytes, 1_000_000)
  assert.equal(spool.isWhole, false)
  await spool.seal()
  spool.release()
  for (const got of await Promise.all(following)) assert.ok(got.equals(bytes))
  await assert.rejects(spool.sync(), refusal)
  assert.deepEqual(await readdir(folder), [])
  await spool.detach()
})

test('it is told when the last follower has left, but not once all is there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-spool-'))
  t.after(() => rm(folder, { recursive: true }))
  let deserted = 0
  const onDeserted = (): void => void (deserted += 1)
  const spool = await Spool.create({ io: diskIo, path: join(folder, 'spool'), size: 3, onDeserted })
  const [one, other] = [spool.follow(0, undefined, signal), spool.follow(0, undefined, signal)]
  await one?.[Symbol.asyncIterator]().return?.()
  assert.equal(deserted, 0)
  await other?.[Symbol.asyncIterator]().return?.()
  assert.equal(deserted, 1)
  await spool.append(Buffer.from('abc'))
  await spool.seal()
  spool.release()
  assert.equal((await collect(spool)).toString(), 'abc')
  assert.equal(deserted, 1)
  await spool.detach()
})
