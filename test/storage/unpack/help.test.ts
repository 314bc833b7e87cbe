import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { openArchive } from '../../../storage/archive/archive.ts'
import { diskSyncIo } from '../../../storage/io.ts'
import { helpUnpack } from '../../../storage/unpack/help.ts'
import { Helper } from '../../../storage/unpack/helper.ts'
import { Queue } from '../../../storage/unpack/queue.ts'
import { withUnpackMemory } from '../../support/with-unpack-memory.ts'
import { writeZip } from '../../support/zip-writer.ts'

for (const isTaken of [true, false]) {
  test(`files of a share that was done when the stop came ${isTaken ? 'are for the leader to take' : 'go if nobody takes them'}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'arbor-help-'))
    t.after(() => rm(folder, { recursive: true }))
    const wheelPath = join(folder, 'wheel')
    await writeFile(wheelPath, writeZip([{ name: 'a.py', content: 'a' }]))
    const archive = openArchive(diskSyncIo, wheelPath)
    archive.close()
    const { port1, port2 } = new MessageChannel()
    const stopping = new AbortController()
    const job = { wheelPath, staging: join(folder, 'staged') }
    const helping = withUnpackMemory((memory) =>
      helpUnpack(diskSyncIo, job, port2, { findStored: async () => new Set(), memory, signal: stopping.signal }),
    )
    const helper = new Helper(port1)
    const share = archive.members.map((member) => ({ member, listing: undefined }))
    const { written } = await helper.unpack({ queue: new Queue([]), share })
    stopping.abort()
    if (isTaken) helper.take()
    helper.close()
    await helping
    const staged = isTaken ? written.staged.map(({ path }) => basename(path)) : []
    assert.deepEqual(await readdir(folder), [...staged, 'wheel'])
  })
}
