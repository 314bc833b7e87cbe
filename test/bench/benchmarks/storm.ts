import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { openLab } from '../lab.ts'
import { download } from '../load/download.ts'
import { findFileUrl } from '../load/page.ts'
import { medianOf } from '../rounds.ts'
import { arbor } from '../servers/arbor.ts'
import { devpi } from '../servers/devpi.ts'
import { nginx } from '../servers/nginx.ts'
import { forgetPeak, measurePeakMemory, waitForIdle } from '../servers/process-figures.ts'
import { proxpi } from '../servers/proxpi.ts'
import type { RunningServer } from '../servers/server.ts'
import type { BenchUpstream } from '../servers/upstream.ts'
import type { Row } from '../table.ts'
import { findSampleWheels, type SampleWheel } from '../wheels/sample-wheels.ts'

const CLIENTS = 64
const MEGABYTES_PER_SECOND = 8

export const storm: Benchmark = {
  name: 'storm',
  about: `${CLIENTS} clients want one cold wheel of 17 MB at once`,
  async run(options) {
    const { large } = await findSampleWheels(options.folder)
    await using lab = await openLab([arbor, nginx, devpi, proxpi], { folders: [dirname(large.path)] }, options)
    await lab.upstream.setQuirks({ bytesPerSecond: MEGABYTES_PER_SECOND * 1e6 })
    const expected = await readFile(large.path)
    const directUrl = await findFileUrl(lab.upstream.url, large.project, large.filename)
    const alone = await download(directUrl, { expected, signal: options.signal })
    const outcomes = new Map<string, Outcome>()
    for (const server of lab.servers) {
      options.say(server.name)
      outcomes.set(server.name, await raise(server, { wheel: large, expected, upstream: lab.upstream }, options))
    }
    const row = (name: string, unit: string, pick: (outcome: Outcome) => number, direct?: number): Row => ({
      name,
      unit,
      figures: new Map([
        ...(direct === undefined ? [] : ([['direct', direct]] as const)),
        ...[...outcomes].map(([contestant, outcome]) => [contestant, pick(outcome)] as const),
      ]),
    })
    return [
      {
        title: `Storm: ${CLIENTS} clients, one cold wheel of 17 MB, upstream at ${MEGABYTES_PER_SECOND} MB/s a connection`,
        columns: ['direct', 'arbor', 'nginx', 'devpi', 'proxpi'],
        baseline: 'direct',
        rows: [
          row('upstream GETs', 'requests', ({ downloads }) => downloads, 1),
          row('upstream bytes ÷ wheel', 'times', ({ share }) => share, 1),
          row('median first byte', 'ms', ({ firstByteMs }) => firstByteMs, alone.firstByteMs),
          row('all done', 'ms', ({ totalMs }) => totalMs, alone.totalMs),
          row('peak resident memory', 'MB', ({ megabytes }) => megabytes),
          row('bodies wrong or broken', 'clients', ({ failures }) => failures),
        ],
        notes: [
          'direct: one client asks the upstream itself',
          'once for each server, with an empty store',
          ...lab.absences,
        ],
      },
    ]
  },
}

interface Outcome {
  readonly downloads: number
  readonly share: number
  readonly firstByteMs: number
  readonly totalMs: number
  readonly megabytes: number
  readonly failures: number
}

async function raise(
  server: RunningServer,
  work: {
    readonly wheel: SampleWheel
    readonly expected: Buffer
    readonly upstream: BenchUpstream
  },
  { signal }: RunOptions,
): Promise<Outcome> {
  const { wheel, expected, upstream } = work
  const url = await findFileUrl(server.index, wheel.project, wheel.filename)
  await upstream.takeCounts()
  await forgetPeak(server.pid)
  const started = performance.now()
  const outcomes = await Promise.allSettled(Array.from({ length: CLIENTS }, () => download(url, { expected, signal })))
  const totalMs = performance.now() - started
  await waitForIdle(server.pid, signal)
  const got = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const right = got.filter(({ isRight }) => isRight)
  const counts = await upstream.takeCounts()
  return {
    downloads: counts.downloads,
    share: counts.bytes / expected.length,
    firstByteMs: medianOf(got.map(({ firstByteMs }) => firstByteMs)),
    totalMs,
    megabytes: await measurePeakMemory(server.pid),
    failures: CLIENTS - right.length,
  }
}
