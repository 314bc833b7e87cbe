import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { normalizeProjectName } from '../../storage/names.ts'
import { type Clients, findClients } from '../support/clients.ts'
import { sharedFolder } from '../support/paths.ts'
import { run } from '../support/process.ts'
import { extractWithPython, whyNoPython } from '../support/python-zipfile.ts'
import { unpackHere } from '../support/unpack-here.ts'

const wheels = await findWheels()
const noWheels = wheels.length > 0 ? false : 'there are no wheels in ../shared'

interface Summary {
  /** SHA-256 of each file, by path. */
  readonly files: Readonly<Record<string, string>>
  readonly archiveId: string
  readonly record: string
  /** Blobs that are not what RECORD says of them. */
  readonly wrong: readonly string[]
}

/** What we make of each wheel, once for all tests. */
let summaries: Promise<ReadonlyMap<string, Summary>> | undefined

async function summarizeAll(): Promise<ReadonlyMap<string, Summary>> {
  const all = new Map<string, Summary>()
  for (const wheel of wheels) all.set(wheel, await summarize(wheel))
  return all
}

async function summarize(wheel: string): Promise<Summary> {
  await using ours = await unpackHere(wheel)
  const { unpacked, unchecked } = ours.result
  const hashes = [...ours.files].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')])
  const wrong = unchecked.filter(({ blake3, algorithm, hex }) => {
    const large = ours.blobs.get(blake3) ?? Buffer.of()
    return createHash(algorithm).update(large).digest('hex') !== hex
  })
  return {
    files: Object.fromEntries(hashes) as Record<string, string>,
    archiveId: unpacked.tree.archiveId,
    record: unpacked.record,
    wrong: wrong.map(({ blake3 }) => blake3),
  }
}

test(
  "every real wheel unpacks to what Python's zipfile extracts, and its RECORD is ok",
  { skip: noWheels === false ? await whyNoPython() : noWheels },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'arbor-real-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const views = await extractWithPython(wheels, folder)
    const ours = await (summaries ??= summarizeAll())
    for (const [index, wheel] of wheels.entries()) {
      const { files, record, wrong } = ours.get(wheel)!
      assert.deepEqual(files, views[index]?.files, wheel)
      assert.deepEqual([record, wrong], ['ok', []], wheel)
    }
  },
)

const found = noWheels === false ? await findClients() : ({ clients: undefined, skip: noWheels } as const)

test("every real wheel's tree has the id that a real uv computes", { skip: found.skip }, async () => {
  const { clients } = found
  assert.ok(clients !== undefined)
  const ours = await (summaries ??= summarizeAll())
  for (const batch of toBatches(wheels)) {
    const ids: ReadonlySet<string> = new Set(await askUv(clients, batch))
    assert.equal(ids.size, batch.length)
    for (const wheel of batch) assert.ok(ids.has(ours.get(wheel)!.archiveId), wheel)
  }
})

/** As uv takes them: each project once. Not all at once, for the sake of the disk. */
function toBatches(paths: readonly string[]): string[][] {
  const batches: Map<string, string>[] = []
  for (const path of paths) {
    const project = normalizeProjectName(basename(path).split('-')[0]!)
    const batch = batches.find((each) => each.size < 25 && !each.has(project))
    if (batch === undefined) batches.push(new Map([[project, path]]))
    else batch.set(project, path)
  }
  return batches.map((batch) => batch.values().toArray())
}

/** The names of the trees that a uv (0.13 or later) unpacks these into: the low 24 base-36 digits of their dirhashes. */
async function askUv({ uv, basePython }: Clients, paths: readonly string[]): Promise<string[]> {
  // What uv installs is removed at once: a disk need not see it.
  const scratch = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'arbor-uv-'))
  try {
    const [cache, target] = [join(scratch, 'cache'), join(scratch, 'target')]
    const sealed = ['--offline', '--no-index', '--no-deps', '--preview-features', 'content-addressed-cache']
    const places = ['--cache-dir', cache, '--python', basePython, '--target', target]
    const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, TMPDIR: scratch }
    await run(uv, ['pip', 'install', '-q', ...sealed, ...places, ...paths], { cwd: scratch, env })
    return await readdir(join(cache, 'archive-v0'))
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

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
