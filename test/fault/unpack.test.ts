import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_WHOLE_BYTES } from '../../storage/archive/contents.ts'
import { hashBlake3 } from '../../storage/digest.ts'
import { diskSyncIo } from '../../storage/io.ts'
import { FaultySyncIo } from '../support/faulty-sync-io.ts'
import { unpackHere } from '../support/unpack-here.ts'
import { makeWheel } from '../support/zip-writer.ts'

const MIB = 1024 * 1024
const large = Buffer.alloc(MAX_WHOLE_BYTES + MIB, 'a large file flows through')
const stored = Buffer.alloc(70_000, 'is in the store already')

/** A pack, a large blob read whole, one that flows through, one that is there already. */
const wheel = makeWheel({
  name: 'faulty',
  version: '1',
  files: { 'a.py': 'a', 'b.so': Buffer.alloc(100_000, 'b'), large, stored },
})
const options = { limits: { maxRatio: Infinity }, stored: new Set([hashBlake3(stored)]) }

test('whichever step of the disk fails, unpacking leaves no file and no descriptor, and says so', async () => {
  let failAt = 1
  for (; ; failAt += 1) {
    const io = new FaultySyncIo(diskSyncIo, failAt)
    let failed = false
    try {
      await using unpacked = await unpackHere(wheel, { ...options, io })
      assert.equal(unpacked.tree.files.length, 7)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC', `step ${failAt}: ${String(error)}`)
      failed = true
    }
    assert.equal(io.openFiles, 0, `step ${failAt}`)
    if (io.steps < failAt) break
    // The last step is to close the wheel, when all is done.
    assert.ok(failed, `step ${failAt} of ${io.steps} failed unnoticed`)
  }
  assert.ok(failAt > 30, `${failAt} steps`)
})
