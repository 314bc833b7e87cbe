import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Benchmark } from '../benchmark.ts'
import { type Lab, openLab } from '../lab.ts'
import { copyHeaders, fetchRaw } from '../load/fetch-raw.ts'
import { findFileUrl } from '../load/page.ts'
import { measureWarm, type Target, warmUp } from '../load/warm.ts'
import { findLoadObstacle } from '../load/wrk.ts'
import { arbor } from '../servers/arbor.ts'
import { type BareServer, startBareServer } from '../servers/bare.ts'
import { devpi } from '../servers/devpi.ts'
import { nginx } from '../servers/nginx.ts'
import { waitForIdle } from '../servers/process-figures.ts'
import { proxpi } from '../servers/proxpi.ts'
import type { Row } from '../table.ts'
import { findSampleWheels, type SampleWheel } from '../wheels/sample-wheels.ts'

export const wheels: Benchmark = {
  name: 'wheels',
  about: 'warm wheels of 276 KB and 17 MB, and the metadata beside one',
  findObstacle: findLoadObstacle,
  async run(options) {
    const { small, large } = await findSampleWheels(options.folder)
    const folders = [...new Set([dirname(small.path), dirname(large.path)])]
    await using lab = await openLab([arbor, nginx, devpi, proxpi], { folders }, options)
    await using bare = await startBareServer()
    const works = [
      { name: '276 KB, 32 connections', unit: 'requests/s', connections: 32, find: () => findWheels(small, lab) },
      { name: '17 MB, 4 connections', unit: 'MB/s', connections: 4, find: () => findWheels(large, lab) },
      { name: 'metadata, 32 connections', unit: 'requests/s', connections: 32, find: () => findMetadata(small, lab) },
    ] as const
    const rows: Row[] = []
    for (const [turn, { find, ...work }] of works.entries()) {
      const found = await find()
      const targets = [...found, ...(await copyToBare(found, { lab, bare }))]
      for (const { pid } of lab.servers) await waitForIdle(pid, options.signal)
      const warmWork = { ...work, headers: { 'Accept-Encoding': 'identity' }, targets }
      if (turn === 0) await warmUp(warmWork, options, lab.folder)
      rows.push(...(await measureWarm(warmWork, options, lab.folder)))
    }
    return [
      {
        title: 'Warm wheel',
        columns: ['arbor', 'bare node', 'bare stream', 'nginx', 'devpi', 'proxpi'],
        baseline: 'nginx',
        rows,
        notes: [
          'bare node: one process, the very bytes and headers of arbor, from memory; bare stream: createReadStream',
          ...lab.absences,
        ],
      },
    ]
  },
}

/** Fetches the wheel through everybody once, so that they have it, and compares the bytes. */
async function findWheels(wheel: SampleWheel, lab: Lab): Promise<Target[]> {
  const expected = sha256(await readFile(wheel.path))
  const targets: Target[] = []
  for (const { name, slow, index, pid } of lab.servers) {
    const url = await findFileUrl(index, wheel.project, wheel.filename)
    const { body } = await fetchRaw(url)
    if (sha256(body) !== expected) throw new Error(`${url} is not ${wheel.filename}`)
    targets.push({ contestant: name, slow, pid, url })
  }
  return targets
}

/** The metadata beside the wheel, of those that have it. */
async function findMetadata(wheel: SampleWheel, lab: Lab): Promise<Target[]> {
  const targets: Target[] = []
  for (const target of await findWheels(wheel, lab)) {
    const url = `${target.url}.metadata`
    const found = await fetchRaw(url).catch(() => undefined)
    if (found?.body.includes('Metadata-Version:') === true) targets.push({ ...target, url })
  }
  return targets
}

/** What arbor sends, from a bare server. */
async function copyToBare(found: readonly Target[], place: { lab: Lab; bare: BareServer }): Promise<Target[]> {
  const ours = found.find(({ contestant }) => contestant === 'arbor')
  if (ours === undefined) return []
  const { bare, lab } = place
  // The second response, since the first may lack what only a stored file has.
  const { body, headers } = await fetchRaw(ours.url)
  const name = crypto.randomUUID()
  const file = join(lab.folder, name)
  await writeFile(file, body)
  const contestants = [
    { contestant: 'bare node', path: `/memory/${name}`, from: 'memory' },
    { contestant: 'bare stream', path: `/stream/${name}`, from: 'stream' },
  ] as const
  await bare.serve(contestants.map(({ path, from }) => ({ path, from, file, headers: copyHeaders(headers) })))
  return contestants.map(({ contestant, path }) => ({
    contestant,
    slow: false,
    pid: bare.pid,
    url: `${bare.origin}${path}`,
  }))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
