import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diskSyncIo, type SyncIo } from '../../../storage/io.ts'
import { Flow } from '../../../storage/unpack/flow.ts'

const piece = Buffer.alloc(1024 * 1024)

/** A disk to which nothing is written. */
function setUp(faults: Partial<Pick<SyncIo, 'appendBeside'>> = {}, isBeside = true): { readonly flow: Flow } {
  const io: SyncIo = { ...diskSyncIo, append() {}, appendBeside: () => Promise.resolve(), ...faults }
  return { flow: new Flow(io, { descriptor: 0, isBeside }) }
}

test('the error of a write is thrown once, by the next step', async () => {
  const { flow } = setUp({
    appendBeside: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
  })
  await flow.write(piece)
  await assert.rejects(flow.write(piece), { code: 'ENOSPC' })
  await assert.rejects(flow.finish(), { code: 'ENOSPC' })
})

test('a file that is written in line lets others have a turn, however little of it comes', async () => {
  const { flow } = setUp({}, false)
  const turn = new AbortController()
  setImmediate(() => turn.abort())
  const end = performance.now() + 1000
  while (!turn.signal.aborted && performance.now() < end) await flow.write(Buffer.alloc(0))
  assert.ok(turn.signal.aborted)
})
