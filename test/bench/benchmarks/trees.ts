import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { type Lab, openLab } from '../lab.ts'
import { copyHeaders, fetchRaw } from '../load/fetch-raw.ts'
import { type FetchedTree, fetchTree, largestOf, pathOf } from '../load/tree.ts'
import { measureWarm, type Target, warmUp } from '../load/warm.ts'
import { findLoadObstacle } from '../load/wrk.ts'
import { arbor } from '../servers/arbor.ts'
import { type BareRoute, type BareServer, startBareServer } from '../servers/bare.ts'
import { waitForIdle } from '../servers/process-figures.ts'
import type { RunningServer } from '../servers/server.ts'
import type { Row } from '../table.ts'
import { findRealWheel, findSampleWheels } from '../wheels/sample-wheels.ts'

/** How many different files stand for "every file of a tree". */
const MANY = 2000

export const trees: Benchmark = {
  name: 'trees',
  about: 'files of a tree, small ones and a large one, and its manifest',
  findObstacle: findLoadObstacle,
  async run(options) {
    const { large } = await findSampleWheels(options.folder)
    const wheels = [(await findRealWheel('django')) ?? large, large]
    await using lab = await openLab([arbor], { folders: wheels.map(({ path }) => dirname(path)).slice(0, 1) }, options)
    await using bare = await startBareServer()
    // A process of its own: one that also makes streams answers from memory a fifth slower.
    await using streaming = await startBareServer()
    const [server] = lab.servers
    if (server === undefined) throw new Error(lab.absences.join('\n'))
    const rows: Row[] = []
    for (const [index, wheel] of wheels.entries()) {
      const tree = await fetchTree(server.index, wheel.project, wheel.filename)
      const works = index === 0 ? worksOfMany(tree) : worksOfLarge(tree)
      for (const work of works) rows.push(...(await measure(work, { server, bare, streaming, lab, options })))
    }
    return [
      {
        title: 'Files of a tree',
        columns: ['arbor', 'bare node', 'bare stream'],
        baseline: 'bare node',
        rows,
        notes: [
          'bare node: one process, the very bytes and headers of arbor, from memory; bare stream: createReadStream',
          ...lab.absences,
        ],
      },
    ]
  },
}

interface TreeWork {
  readonly name: string
  readonly unit: 'requests/s' | 'MB/s'
  readonly connections: number
  readonly paths: readonly string[]
}

function worksOfMany(tree: FetchedTree): TreeWork[] {
  const small = tree.files.filter(({ size }) => size > 0 && size < 64 * 1024).slice(0, MANY)
  const one = small.find(({ size }) => size > 4000 && size < 6000) ?? small[0]
  if (one === undefined) throw new Error('the wheel has no small file')
  const common = { unit: 'requests/s', connections: 32 } as const
  return [
    { ...common, name: `one file of ${one.size} bytes`, paths: [pathOf(tree, one)] },
    { ...common, name: `${small.length} files under 64 KiB in turn`, paths: small.map((file) => pathOf(tree, file)) },
    { ...common, name: `manifest of ${tree.files.length} files`, paths: [tree.root] },
  ]
}

function worksOfLarge(tree: FetchedTree): TreeWork[] {
  const largest = largestOf(tree)
  const name = `one file of ${(largest.size / 1e6).toFixed(0)} MB, 4 connections`
  return [{ name, unit: 'MB/s', connections: 4, paths: [pathOf(tree, largest)] }]
}

interface Place {
  readonly server: RunningServer
  readonly bare: BareServer
  readonly streaming: BareServer
  readonly lab: Lab
  readonly options: RunOptions
}

async function measure(work: TreeWork, { server, bare, streaming, lab, options }: Place): Promise<readonly Row[]> {
  const { origin } = new URL(server.index)
  const { paths } = work
  const copies = await copyFiles(origin, paths, lab.folder)
  await bare.serve(copies.map(({ path, file, headers }) => ({ path, file, headers, from: 'memory' })))
  await streaming.serve(copies.map(({ path, file, headers }) => ({ path, file, headers, from: 'stream' })))
  await waitForIdle(server.pid, options.signal)
  const common = { slow: false, paths }
  const targets: Target[] = [
    { ...common, contestant: 'bare node', pid: bare.pid, url: `${bare.origin}${paths[0]}` },
    { ...common, contestant: 'bare stream', pid: streaming.pid, url: `${streaming.origin}${paths[0]}` },
    { ...common, contestant: 'arbor', pid: server.pid, url: `${origin}${paths[0]}` },
  ]
  const warmWork = { ...work, headers: {}, targets }
  await warmUp(warmWork, options, lab.folder)
  return measureWarm(warmWork, options, lab.folder)
}

async function copyFiles(origin: string, paths: readonly string[], folder: string): Promise<Omit<BareRoute, 'from'>[]> {
  const copies: Omit<BareRoute, 'from'>[] = []
  for (const path of paths) {
    const { body, headers } = await fetchRaw(`${origin}${path}`)
    const file = join(folder, crypto.randomUUID())
    await writeFile(file, body)
    copies.push({ path, file, headers: copyHeaders(headers) })
  }
  return copies
}
