import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { MAX_WHOLE_BYTES } from '../../storage/archive/contents.ts'
import { DEFAULT_LIMITS } from '../../storage/archive/policy.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { diskSyncIo } from '../../storage/io.ts'
import { unpackWheel } from '../../storage/unpack/unpack-wheel.ts'
import { type Fault, FaultySyncIo } from '../support/faulty-sync-io.ts'
import { unpackHere, type UnpackHereOptions } from '../support/unpack-here.ts'
import { withUnpackMemory } from '../support/with-unpack-memory.ts'
import { makeWheel } from '../support/zip-writer.ts'

const MIB = 1024 * 1024
const large = Buffer.alloc(MAX_WHOLE_BYTES + MIB, 'a large file flows through')
const stored = Buffer.alloc(70_000, 'is in the store already')

/** A pack, a large blob read whole, one that flows through, one that is there already: for one thread. */
const small = makeWheel({
  name: 'faulty',
  version: '1',
  files: { 'a.py': 'a', 'b.so': Buffer.alloc(100_000, 'b'), large, stored },
})

/** Enough for two shares: a file that flows through in each, one of them hashed for RECORD by the other thread; and small ones in both. */
const shared = makeWheel({
  name: 'shared',
  version: '1',
  files: {
    'a.py': 'a',
    'b.so': Buffer.alloc(100_000, 'b'),
    large: Buffer.alloc(6 * MIB, 'a large file flows through'),
    larger: Buffer.alloc(20 * MIB, 'so does another one'),
    stored,
    'z.py': 'z',
  },
})

/** Fills its memory several times; each file is read from the disk by itself. */
const crowded = makeWheel({
  name: 'crowded',
  version: '1',
  method: 0,
  files: {
    large: randomBytes(5 * MIB),
    ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index}.so`, randomBytes(500_000)])),
    'z.py': 'z',
  },
})

const options = { limits: { maxRatio: Infinity }, stored: new Set([hashBlake3(stored)]) }

/** One step after the other fails; returns how many there are. */
async function walk(wheel: Buffer, how: Omit<Fault, 'at'>, more: UnpackHereOptions = {}): Promise<number> {
  const { code = 'ENOSPC' } = how
  for (let at = 1; ; at += 1) {
    const io = new FaultySyncIo(diskSyncIo, { at, ...how })
    let failed = false
    try {
      await using unpacked = await unpackHere(wheel, { ...options, ...more, io })
      assert.equal(unpacked.result.unpacked.record, 'ok')
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, code, `step ${at}: ${String(error)}`)
      failed = true
    }
    assert.equal(io.openFiles, 0, `step ${at}`)
    if (io.steps < at) return at
    // With a second thread, what only closes what was read may fail when all is done.
    if (more.isHelped !== true) assert.ok(failed, `step ${at} of ${io.steps} failed unnoticed`)
  }
}

for (const code of ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE']) {
  test(`whichever step of the disk fails with ${code}, unpacking leaves no file and no descriptor, and says so`, async () => {
    const steps = await walk(small, { code })
    assert.ok(steps > 20, `${steps} steps`)
  })
}

test('a disk that stays full from any step on leaves no file and no descriptor', async () => {
  await walk(small, { isLasting: true })
})

test('whichever step of either thread fails, no file and no descriptor is left', async () => {
  const steps = await walk(shared, {}, { isHelped: true })
  assert.ok(steps > 60, `${steps} steps`)
})

test('a disk that stays full while two threads write to it leaves no file and no descriptor', async () => {
  await walk(shared, { isLasting: true }, { isHelped: true })
})

test("whichever step fails, or whenever it is aborted, nothing goes on when unpacking has ended: its memory is the next one's", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-settled-'))
  t.after(() => rm(folder, { recursive: true }))
  const wheelPath = join(folder, 'wheel')
  await writeFile(wheelPath, crowded)
  const job = { wheelPath, staging: join(folder, 'staged'), limits: { ...DEFAULT_LIMITS, maxRatio: Infinity } }
  /** Fails at a step, and is aborted some turns after its n-th question. Returns how many steps there were. */
  const unpack = async (at: number, abortedAt: number, turns: number): Promise<number> => {
    const io = new FaultySyncIo(diskSyncIo, { at })
    const aborting = new AbortController()
    let questions = 0
    const findStored = async (): Promise<Set<Blake3>> => {
      if ((questions += 1) === abortedAt) void wait(turns).then(() => aborting.abort(new Error('never mind')))
      await wait(3)
      return new Set()
    }
    await withUnpackMemory(async (memory) => {
      await unpackWheel(io, job, { findStored, memory, signal: aborting.signal }).catch(() => {})
      assert.equal(io.running, 0, `step ${at}, question ${abortedAt}, ${turns} turns`)
    })
    const { steps } = io
    await wait(5)
    assert.equal(io.steps, steps, `step ${at}, question ${abortedAt}, ${turns} turns`)
    for (const name of await readdir(folder)) if (name.startsWith('staged')) await rm(join(folder, name))
    return steps
  }
  for (let at = 1; (await unpack(at, 0, 0)) >= at; at += 1);
  for (let question = 1; question <= 5; question += 1) {
    for (const turns of [0, 1, 2, 5, 9]) await unpack(0, question, turns)
  }
})

async function wait(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate()
}
