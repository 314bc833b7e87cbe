import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { type Lab, openLab } from '../lab.ts'
import { copyHeaders, saveRaw } from '../load/fetch-raw.ts'
import { fetchTree, largestOf, pathOf } from '../load/tree.ts'
import { measureWarm, warmUp } from '../load/warm.ts'
import { findLoadObstacle } from '../load/wrk.ts'
import { arbor } from '../servers/arbor.ts'
import { type BareServer, startBareServer } from '../servers/bare.ts'
import type { RunningServer } from '../servers/server.ts'
import type { Row } from '../table.ts'
import { makeShapeWheel, torchLike } from '../wheels/shape-wheels.ts'

interface Work {
  readonly name: string
  /** At Arbor. */
  readonly path: string
  readonly connections: number
}

export const archives: Benchmark = {
  name: 'archives',
  about: 'a tree of 699 MB as .tar, .tar.gz and .tar.zst, and its largest file (half a minute)',
  findObstacle: findLoadObstacle,
  async run(options) {
    const folder = await mkdtemp(join(options.folder, 'wheel-'))
    options.say('making a wheel')
    const wheel = await makeShapeWheel(folder, torchLike)
    await using lab = await openLab([arbor], { folders: [folder] }, options)
    await using bare = await startBareServer()
    const [server] = lab.servers
    if (server === undefined) throw new Error(lab.absences.join('\n'))
    const tree = await fetchTree(server.index, wheel.project, wheel.filename)
    const largest = largestOf(tree)
    const works: readonly Work[] = [
      { name: `one file of ${(largest.size / 1e6).toFixed(0)} MB`, path: pathOf(tree, largest), connections: 4 },
      ...['tar', 'tar.gz', 'tar.zst'].map((form) => ({
        name: `.${form}`,
        path: `${tree.root}.${form}`,
        connections: 1,
      })),
    ]
    const rows: Row[] = []
    for (const work of works) rows.push(...(await measure(work, { server, bare, lab, options })))
    return [
      {
        title: `A tree of ${tree.files.length} files`,
        columns: ['arbor', 'bare stream'],
        baseline: 'bare stream',
        rows,
        notes: [
          'bytes as they are sent; archives over one connection, the file over four',
          'bare stream: the same bytes from a file, by createReadStream in a bare node:http server',
          'a second of processor time is one of all threads together: zstd has its own',
        ],
      },
    ]
  },
}

async function measure(
  { name, path, connections }: Work,
  place: { readonly server: RunningServer; readonly bare: BareServer; readonly lab: Lab; readonly options: RunOptions },
): Promise<readonly Row[]> {
  const { server, bare, lab, options } = place
  const { origin } = new URL(server.index)
  const file = join(lab.folder, crypto.randomUUID())
  const headers = copyHeaders(await saveRaw(`${origin}${path}`, file))
  await bare.serve([{ path, file, headers, from: 'stream' }])
  const targets = [
    { contestant: 'arbor', slow: false, pid: server.pid, url: `${origin}${path}` },
    { contestant: 'bare stream', slow: false, pid: bare.pid, url: `${bare.origin}${path}` },
  ]
  const work = { name, unit: 'MB/s', connections, headers: {}, targets } as const
  await warmUp(work, options, lab.folder)
  const rows = await measureWarm(work, options, lab.folder)
  await rm(file)
  return rows
}
