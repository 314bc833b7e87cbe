import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createLayout } from '../../../storage/layout.ts'
import { type Arbor, startArbor } from '../../support/arbor.ts'
import { pinnedNode } from '../../support/paths.ts'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { generateCatalog, LARGE } from '../catalogs/large-catalog.ts'
import type { CatalogFigure } from '../catalogs/measure-main.ts'
import { findFileUrl } from '../load/page.ts'
import { fetchRaw } from '../load/fetch-raw.ts'
import { measureWarm, warmUp } from '../load/warm.ts'
import { findLoadObstacle } from '../load/wrk.ts'
import { measureInRounds } from '../rounds.ts'
import { runProgram } from '../servers/child.ts'
import { measureMemory, waitForIdle } from '../servers/process-figures.ts'
import { startBenchUpstream } from '../servers/upstream.ts'
import type { Row, Table } from '../table.ts'
import { findSampleWheels } from '../wheels/sample-wheels.ts'

/** What is promised, milliseconds. */
const GOALS = new Map([
  ['stats', 50],
  ['prune plan, nothing to do', 2000],
  ['prune plan, a tenth of it', 2000],
  ['prune plan, all of it', 2000],
])
const START_GOAL_MS = 1000
const MEMORY_GOAL_MB = 200

export const catalog: Benchmark = {
  name: 'catalog',
  about: `a store of ${LARGE.blobs.toLocaleString('en')} blobs and ${LARGE.distributions.toLocaleString('en')} distributions`,
  findObstacle: findLoadObstacle,
  async run(options) {
    const folder = await mkdtemp(join(options.folder, 'catalog-'))
    try {
      const stores = await makeStores(folder, options)
      const servers = await compareServers(stores, options)
      return [await measureOperations(createLayout(stores.large).catalog, options), servers]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

interface Stores {
  readonly empty: string
  readonly large: string
}

async function makeStores(folder: string, { say }: RunOptions): Promise<Stores> {
  const stores = { empty: join(folder, 'empty'), large: join(folder, 'large') }
  for (const data of Object.values(stores)) {
    await using arbor = await startArbor({ upstream: 'http://127.0.0.1:1/simple/', data })
    await arbor.stop()
  }
  say('generating the catalog')
  await generateCatalog(createLayout(stores.large).catalog)
  return stores
}

/** As a server sees it: start, a warm file, memory. */
async function compareServers(stores: Stores, options: RunOptions): Promise<Table> {
  const { small } = await findSampleWheels(options.folder)
  await using upstream = await startBenchUpstream({ folders: [dirname(small.path)] })
  const names = ['empty store', 'large store'] as const
  const dataOf = (name: string): string => (name === 'empty store' ? stores.empty : stores.large)
  const starts = await measureInRounds(names, options, async ({ contestant }) => {
    const started = performance.now()
    await using arbor = await startArbor({ upstream: upstream.url, data: dataOf(contestant) })
    const ms = performance.now() - started
    await arbor.stop()
    return ms
  })
  await using empty = await startArbor({ upstream: upstream.url, data: stores.empty })
  await using large = await startArbor({ upstream: upstream.url, data: stores.large })
  const servers: readonly (readonly [name: string, arbor: Arbor])[] = [
    ['empty store', empty],
    ['large store', large],
  ]
  const idle = await measureServers(servers, options)
  const targets = []
  for (const [contestant, { index, pid }] of servers) {
    const url = await findFileUrl(index, small.project, small.filename)
    await fetchRaw(url)
    targets.push({ contestant, slow: false, pid, url })
  }
  const work = { name: 'warm file of 276 KB', unit: 'requests/s', connections: 32, headers: {}, targets } as const
  await warmUp(work, options, options.folder)
  const warm = await measureWarm(work, options, options.folder)
  const loaded = await measureServers(servers, options)
  return {
    title: 'A server on a large store',
    columns: [...names, 'goal'],
    baseline: 'empty store',
    rows: [
      { name: 'start', unit: 'ms', figures: new Map([...starts, ['goal', START_GOAL_MS]]) },
      ...warm,
      { name: 'resident memory, idle', unit: 'MB', figures: new Map([...idle, ['goal', MEMORY_GOAL_MB]]) },
      { name: 'resident memory, after that load', unit: 'MB', figures: loaded },
    ],
    notes: ['start: from the command to the first line that says where it listens, node itself included'],
  }
}

async function measureServers(
  servers: readonly (readonly [name: string, arbor: Arbor])[],
  { signal }: RunOptions,
): Promise<Map<string, number>> {
  const figures = new Map<string, number>()
  for (const [name, { pid }] of servers) {
    await waitForIdle(pid, signal)
    figures.set(name, await measureMemory(pid))
  }
  return figures
}

async function measureOperations(path: string, { say, signal }: RunOptions): Promise<Table> {
  say('asking the catalog')
  const script = join(import.meta.dirname, '../catalogs/measure-main.ts')
  const figures = JSON.parse(await runProgram(pinnedNode, [script, path], { signal })) as CatalogFigure[]
  return {
    title: 'The catalog of a large store',
    columns: ['took', 'main thread', 'longest stall', 'goal'],
    baseline: 'goal',
    rows: figures.map(({ name, wallMs, threadMs, stallMs }): Row => {
      const measured = [
        ['took', wallMs],
        ['main thread', threadMs],
        ['longest stall', stallMs],
      ] as const
      const goal = GOALS.get(name)
      return {
        name,
        unit: 'ms',
        figures: new Map([...measured, ...(goal === undefined ? [] : [['goal', goal] as const])]),
      }
    }),
    notes: [
      'main thread: its processor time; longest stall: for how long nothing else could run there, which on a busy machine is other programs, too',
      'once each, in a new process, one after the other on the same catalog',
    ],
  }
}
