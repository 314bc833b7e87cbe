import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diskSyncIo, type SyncIo } from '../../../storage/io.ts'
import { Flow } from '../../../storage/unpack/flow.ts'
import { Syncs } from '../../../storage/unpack/syncs.ts'

const MIB = 1024 * 1024
const piece = Buffer.alloc(MIB)

/** A disk that notes what is done, and does nothing. */
function setUp(faults: Partial<Pick<SyncIo, 'appendBeside' | 'sync'>> = {}, isBeside = true) {
  const steps: string[] = []
  const io: SyncIo = {
    ...diskSyncIo,
    append() {},
    appendBeside: async () => void steps.push('write'),
    sync: async () => void steps.push('sync'),
    close() {},
    ...faults,
  }
  const syncs = new Syncs(io, () => {})
  return {
    steps,
    syncs,
    flow: new Flow(io, syncs, { descriptor: 0, isBeside }),
  }
}

test('a large file is synced while it is being written, not only at its end', async () => {
  const { flow, steps } = setUp()
  for (let count = 0; count < 100; count += 1) await flow.write(piece)
  await flow.finish()
  assert.equal(steps.filter((step) => step === 'write').length, 100)
  assert.deepEqual(
    steps.flatMap((step, index) => (step === 'sync' ? [index] : [])),
    [32, 65, 98],
  )
})

test('the error of an early sync is not lost, though a later one would succeed', async () => {
  let count = 0
  const sync = async (): Promise<void> => {
    if ((count += 1) === 1) throw Object.assign(new Error('bad sector'), { code: 'EIO' })
  }
  const { flow, syncs } = setUp({ sync })
  for (let written = 0; written < 40; written += 1) await flow.write(piece)
  await assert.rejects(flow.finish(), { code: 'EIO' })
  await syncs.finish()
})

test('the error of a write is thrown once, by the next step', async () => {
  const { flow } = setUp({
    appendBeside: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
  })
  await flow.write(piece)
  await assert.rejects(flow.write(piece), { code: 'ENOSPC' })
  await assert.rejects(flow.finish(), { code: 'ENOSPC' })
})

test('early syncs take no room from those that are waited for, and are left out where there is none', async () => {
  const running: (() => void)[] = []
  const { flow, syncs } = setUp({
    sync: () => new Promise((resolve) => running.push(resolve)),
  })
  await syncs.begin(1)
  await syncs.begin(2)
  for (let written = 0; written < 40; written += 1) await flow.write(piece)
  assert.equal(running.length, 2)
  await flow.finish()
  for (const finish of running) finish()
  await syncs.finish()
})

test('a file that is written in line lets others have a turn, however little of it comes', async () => {
  const { flow } = setUp({}, false)
  const turn = new AbortController()
  setImmediate(() => turn.abort())
  const end = performance.now() + 1000
  while (!turn.signal.aborted && performance.now() < end) await flow.write(Buffer.alloc(0))
  assert.ok(turn.signal.aborted)
})
