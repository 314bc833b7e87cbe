import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { inParallel } from '../../storage/blobs/in-parallel.ts'
import { findClients } from '../support/clients.ts'
import { repositoryFolder, sharedFolder } from '../support/paths.ts'
import { run } from '../support/process.ts'
import { extractWithPython, whyNoPython } from '../support/python-zipfile.ts'
import { unpackHere } from '../support/unpack-here.ts'

const wheels = await findWheels()
const noWheels = wheels.length > 0 ? false : 'there are no wheels in ../shared'

test(
  "every real wheel unpacks to what Python's zipfile extracts, and its RECORD is ok",
  { skip: noWheels === false ? await whyNoPython() : noWheels },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'arbor-real-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const views = await extractWithPython(wheels, folder)
    for (const [index, wheel] of wheels.entries()) {
      await using ours = await unpackHere(wheel)
      const hashes = [...ours.files].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')])
      assert.deepEqual(Object.fromEntries(hashes), views[index]?.files, wheel)
      assert.equal(ours.result.unpacked.record, 'ok', wheel)
      for (const { blake3, algorithm, hex } of ours.result.unchecked) {
        const large = ours.blobs.get(blake3) ?? Buffer.of()
        assert.equal(createHash(algorithm).update(large).digest('hex'), hex, wheel)
      }
    }
  },
)

const found = noWheels === false ? await findClients() : ({ clients: undefined, skip: noWheels } as const)
const tool = join(sharedFolder, 'tools/uv-tree-id.sh')

test("every real wheel's tree has the id that a real uv computes", { skip: found.skip }, async (t) => {
  const { clients } = found
  assert.ok(clients !== undefined)
  // What uv installs is removed at once: a disk need not see it.
  const scratch = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'arbor-uv-'))
  t.after(() => rm(scratch, { recursive: true, force: true }))
  const path = `${dirname(clients.basePython)}:${process.env['PATH'] ?? ''}`
  const env = { PATH: path, HOME: scratch, TMPDIR: scratch }
  const ids = new Map<string, string>()
  await inParallel(wheels, 2, async (wheel) => {
    ids.set(wheel, (await run('bash', [tool, clients.uv, wheel], { cwd: repositoryFolder, env })).trim())
  })
  for (const wheel of wheels) {
    await using ours = await unpackHere(wheel)
    assert.equal(ours.result.unpacked.tree.archiveId, ids.get(wheel), wheel)
  }
})

async function findWheels(): Promise<string[]> {
  const folders = ['wheels', 'clients', 'peers'].map((name) => join(sharedFolder, name))
  const lists = folders.map(async (folder) => {
    const names = await readdir(folder).catch(() => [])
    return names.filter((name) => name.endsWith('.whl')).map((name) => join(folder, name))
  })
  // Some are in several folders.
  const byName = new Map((await Promise.all(lists)).flat().map((path) => [basename(path), path]))
  return [...byName.values()]
}
