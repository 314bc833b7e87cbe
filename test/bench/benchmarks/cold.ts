import { dirname } from 'node:path'
import type { Benchmark, RunOptions } from '../benchmark.ts'
import { openLab } from '../lab.ts'
import { download } from '../load/download.ts'
import { findFileUrl } from '../load/page.ts'
import { medianOf, measureInRounds } from '../rounds.ts'
import { arbor } from '../servers/arbor.ts'
import { devpi } from '../servers/devpi.ts'
import { nginx } from '../servers/nginx.ts'
import { waitForIdle } from '../servers/process-figures.ts'
import { proxpi } from '../servers/proxpi.ts'
import type { Row } from '../table.ts'
import { findSampleWheels, type SampleWheel } from '../wheels/sample-wheels.ts'
import { readVariant, variantFilename } from '../wheels/variant.ts'

const MEGABYTES_PER_SECOND = [50, 100] as const

export const cold: Benchmark = {
  name: 'cold',
  about: 'a 17 MB wheel that nobody has yet: first byte and total, against asking the upstream directly',
  async run(options) {
    const { large } = await findSampleWheels(options.folder)
    const builds = MEGABYTES_PER_SECOND.length * options.rounds
    const variants = Array.from({ length: builds }, (_, index) => ({ wheel: large.path, build: index + 1 }))
    const setup = { folders: [dirname(large.path)], variants }
    await using lab = await openLab([arbor, nginx, devpi, proxpi], setup, options)
    const direct = { name: 'direct', index: lab.upstream.url, pid: lab.upstream.pid }
    const contestants = [direct, ...lab.servers]
    // The page is not part of the question.
    for (const { index } of contestants) await findFileUrl(index, large.project, large.filename)
    const rows: Row[] = []
    for (const [turn, speed] of MEGABYTES_PER_SECOND.entries()) {
      options.say(`${speed} MB/s`)
      await lab.upstream.setQuirks({ bytesPerSecond: speed * 1e6 })
      const firstBuild = turn * options.rounds + 1
      rows.push(...(await measureSpeed(contestants, { wheel: large, firstBuild, speed }, options)))
    }
    return [
      {
        title: 'Cold wheel of 17 MB',
        columns: ['direct', 'arbor', 'nginx', 'devpi', 'proxpi'],
        baseline: 'direct',
        rows,
        notes: ['direct: the client asks the upstream itself', ...lab.absences],
      },
    ]
  },
}

interface Contestant {
  readonly name: string
  readonly index: string
  readonly pid: number
}

async function measureSpeed(
  contestants: readonly Contestant[],
  work: { readonly wheel: SampleWheel; readonly firstBuild: number; readonly speed: number },
  { rounds, signal }: RunOptions,
): Promise<Row[]> {
  const { wheel, firstBuild, speed } = work
  const firstBytes = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]))
  const totals = await measureInRounds(contestants, { rounds, signal }, async ({ contestant, round }) => {
    const variant = { wheel: wheel.path, build: firstBuild + round }
    const expected = await readVariant(variant)
    const url = await findFileUrl(contestant.index, wheel.project, variantFilename(variant))
    const got = await download(url, { expected, signal })
    if (!got.isRight) throw new Error(`${contestant.name} sent wrong bytes as ${url}`)
    firstBytes.get(contestant)?.push(got.firstByteMs)
    // Whoever unpacks it now must not disturb the next one.
    await waitForIdle(contestant.pid, signal)
    return got.totalMs
  })
  return [
    {
      name: `first byte, upstream at ${speed} MB/s`,
      unit: 'ms',
      figures: new Map([...firstBytes].map(([{ name }, figures]) => [name, medianOf(figures)])),
    },
    {
      name: `total, upstream at ${speed} MB/s`,
      unit: 'ms',
      figures: new Map([...totals].map(([{ name }, figure]) => [name, figure])),
    },
  ]
}
