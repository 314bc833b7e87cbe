import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clients, findClients } from '../../support/clients.ts'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { openLab } from '../lab.ts'
import { medianOf } from '../rounds.ts'
import { arbor } from '../servers/arbor.ts'
import { runProgram } from '../servers/child.ts'
import { nginx } from '../servers/nginx.ts'
import { waitForIdle } from '../servers/process-figures.ts'
import type { ServerKind } from '../servers/server.ts'
import type { UpstreamSetup } from '../servers/upstream.ts'
import type { Row, Table } from '../table.ts'
import { findMemoryFolder } from '../wheels/memory-folder.ts'
import { findRealWheel, wheelFolder } from '../wheels/sample-wheels.ts'

/** 28 wheels with all that they need. */
const PROJECTS = ['flask', 'django', 'black', 'rich', 'pandas', 'hatchling']

const UPSTREAM = { latencyMs: 40, bytesPerSecond: 12e6 }

const CASES = [
  { name: 'with .metadata', metadata: 'listed' },
  { name: 'without .metadata', metadata: 'unlisted' },
] as const

export const installers: Benchmark = {
  name: 'installers',
  about: 'uv pip install of 28 wheels from an upstream that is 40 ms away, cold and warm',
  async findObstacle() {
    if ((await findRealWheel('pandas')) === undefined) return 'there are no wheels in ../shared/wheels'
    const { skip } = await findClients()
    return skip === false ? undefined : skip
  },
  async run(options) {
    const { clients, skip } = await findClients()
    if (clients === undefined) throw new Error(skip)
    const obstacle = await nginx.findObstacle()
    const kinds = obstacle === undefined ? [undefined, arbor, nginx] : [undefined, arbor]
    const rows: Row[] = []
    for (const { name, metadata } of CASES) {
      const setup = { folders: [wheelFolder], quirks: { ...UPSTREAM, metadata } }
      rows.push(...(await measureCase(name, { clients, kinds, setup, options })))
    }
    return [tableOf(rows, obstacle === undefined ? [] : [`nginx is left out: ${obstacle}`])]
  },
}

function tableOf(rows: readonly Row[], absences: readonly string[]): Table {
  return {
    title:
      'uv pip install --no-cache of 28 wheels into a memory file system; upstream 40 ms away, 12 MB/s a connection',
    columns: ['direct', 'arbor', 'nginx'],
    baseline: 'direct',
    rows,
    notes: [
      'direct: uv asks the upstream itself',
      'cold: a server that has just been started on an empty store; warm: the same again',
      ...absences,
    ],
  }
}

interface Parts {
  readonly clients: Clients
  /** Undefined: none. */
  readonly kinds: readonly (ServerKind | undefined)[]
  readonly setup: UpstreamSetup
  readonly options: RunOptions
}

async function measureCase(name: string, parts: Parts): Promise<Row[]> {
  const { rounds, signal, say } = parts.options
  const times = { cold: new Map<string, number[]>(), warm: new Map<string, number[]>() }
  const add = (kind: 'cold' | 'warm', contestant: string, seconds: number): void =>
    void times[kind].set(contestant, [...(times[kind].get(contestant) ?? []), seconds])
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of parts.kinds) {
      signal.throwIfAborted()
      const contestant = kind?.name ?? 'direct'
      say(`${name}, ${contestant}`)
      const { cold, warm } = await measureTurn(kind, parts)
      add('cold', contestant, cold)
      add('warm', contestant, warm)
    }
  }
  return (['cold', 'warm'] as const).map((kind) => ({
    name: `${kind}, ${name}`,
    unit: 's',
    figures: new Map([...times[kind]].map(([contestant, seconds]) => [contestant, medianOf(seconds)])),
  }))
}

/** Of one server with an empty store; undefined: of none. */
async function measureTurn(
  kind: ServerKind | undefined,
  { clients, setup, options }: Omit<Parts, 'kinds'>,
): Promise<{ cold: number; warm: number }> {
  await using lab = await openLab(kind === undefined ? [] : [kind], setup, { ...options, say: () => {} })
  const [server] = lab.servers
  if (kind !== undefined && server === undefined) throw new Error(lab.absences.join('\n'))
  const { index, pid } = server ?? { index: lab.upstream.url, pid: lab.upstream.pid }
  const cold = await install(clients, index, options)
  // Whatever it does afterwards must not slow down the next one.
  await waitForIdle(pid, options.signal)
  return { cold, warm: await install(clients, index, options) }
}

/** Seconds. */
async function install(clients: Clients, index: string, { folder: disk, signal }: RunOptions): Promise<number> {
  const folder = await mkdtemp(join(await findMemoryFolder(disk), 'arbor-bench-'))
  try {
    const temporary = join(folder, 'tmp')
    await mkdir(temporary)
    const nowhere = 'http://127.0.0.1:1'
    const from = ['--index-url', index]
    const into = ['--python', clients.basePython, '--target', join(folder, 'target')]
    const started = performance.now()
    await runProgram(clients.uv, ['pip', 'install', '-q', '--no-cache', '--no-config', ...from, ...into, ...PROJECTS], {
      cwd: folder,
      env: {
        HOME: folder,
        TMPDIR: temporary,
        PATH: '/usr/bin:/bin',
        UV_PYTHON_DOWNLOADS: 'never',
        // Whatever is not loopback goes to a proxy that is not there.
        HTTP_PROXY: nowhere,
        HTTPS_PROXY: nowhere,
        NO_PROXY: '127.0.0.1',
      },
      signal,
    })
    return (performance.now() - started) / 1000
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
