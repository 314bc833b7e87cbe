import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diskIo } from '../../storage/io.ts'
import { type Fault, FaultyIo, walkFaults } from './faulty-io.ts'
import { openUnwatched, readContent } from './file-source-fixture.ts'

/** A download on a disk that fails as told: what the client got, then the same again on a disk that works. */
async function downloadWithFault(fault: Fault): Promise<{ steps: number; served: boolean }> {
  const io = new FaultyIo(diskIo)
  let result: { steps: number; served: boolean } | undefined
  {
    await using fixture = await openUnwatched({ io, size: 200_000 })
    io.arm(fault)
    const got = await fixture
      .find()
      .then((content) => readContent(content))
      .catch((error: unknown) => error)
    await fixture.files.settle()
    const { steps, hits } = io
    io.arm()
    const served = Buffer.isBuffer(got)
    if (served) assert.ok(got.equals(fixture.bytes), 'complete only if right')
    else assert.ok(hits > 0, `failed, though the disk did not: ${String(got)}`)
    const { failed, notKept } = fixture.metrics.downloads
    assert.ok(served || Object.keys(failed).length > 0, 'what failed is counted')
    const again = await readContent(await fixture.find())
    assert.ok(again.equals(fixture.bytes), 'afterwards it can be had')
    await fixture.files.settle()
    const asked = fixture.asked().length
    assert.ok(asked <= (notKept > 0 || !served ? 2 : 1), 'by a second request only if the first was not kept')
    result = { steps, served }
  }
  assert.equal(io.openFiles, 0, 'descriptors left open')
  return result
}

test('whichever step of the disk fails, a client gets the right bytes or a broken response, and nothing wrong is kept', async () => {
  const runs = await walkFaults(['EIO', 'ENOSPC', 'EMFILE', 'EROFS'], downloadWithFault)
  assert.ok(runs > 30, `${runs} runs`)
})

test('on a full disk every client is served', async () => {
  for (let step = 1; ; step += 1) {
    const { steps, served } = await downloadWithFault({ step, errno: 'ENOSPC', isLasting: true })
    assert.ok(served, `from step ${step} on`)
    if (steps < step) return
  }
})
