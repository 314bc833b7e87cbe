import type { RunOptions } from '../benchmark.ts'
import { measureInRounds, medianOf } from '../rounds.ts'
import { measureProcessorSeconds } from '../servers/process-figures.ts'
import type { Row } from '../table.ts'
import { measureLoad } from './wrk.ts'

/** Where one contestant is asked for what everybody sends. */
export interface Target {
  readonly contestant: string
  readonly slow: boolean
  readonly url: string
  /** Of the server's main process. */
  readonly pid: number
  /** Paths to ask for in turn instead. */
  readonly paths?: readonly string[]
}

/** The same work for everybody, from stores that have what is asked for. */
export interface WarmWork {
  readonly name: string
  readonly unit: 'requests/s' | 'MB/s'
  readonly connections: number
  readonly headers: Readonly<Record<string, string>>
  readonly targets: readonly Target[]
}

/** Load that does not count, so that code is compiled and caches are filled. What is slow is slow because of other things. */
export async function warmUp(work: WarmWork, options: RunOptions, folder: string): Promise<void> {
  for (const target of work.targets) if (!target.slow) await measureTarget(target, work, { ...options, folder })
}

/**
 * Measures the targets in turns. The second row, work per second of the server's own
 * processor time, hardly depends on what else the machine does.
 */
export async function measureWarm(work: WarmWork, options: RunOptions, folder: string): Promise<[Row, Row]> {
  const { name, unit, targets } = work
  const { rounds, signal, say } = options
  say(name)
  const efficiencies = new Map<string, number[]>(targets.map(({ contestant }) => [contestant, []]))
  const medians = await measureInRounds(targets, { rounds, signal, once: isSlow }, async ({ contestant: target }) => {
    const { figure, perProcessorSecond } = await measureTarget(target, work, { ...options, folder })
    efficiencies.get(target.contestant)?.push(perProcessorSecond)
    return figure
  })
  return [
    { name, unit, figures: new Map([...medians].map(([target, figure]) => [target.contestant, figure])) },
    {
      name: `${name}: per second of processor time`,
      unit: unit.replace('/s', ''),
      figures: new Map([...efficiencies].map(([contestant, figures]) => [contestant, medianOf(figures)])),
    },
  ]
}

async function measureTarget(
  { url, paths, pid }: Target,
  { headers, connections, unit }: WarmWork,
  { seconds, folder, signal }: Pick<RunOptions, 'seconds' | 'folder' | 'signal'>,
): Promise<{ figure: number; perProcessorSecond: number }> {
  const before = await measureProcessorSeconds(pid)
  const load = { url, headers, connections, seconds, folder, signal, ...(paths !== undefined && { paths }) }
  const { requestsPerSecond, megabytesPerSecond, lasted } = await measureLoad(load)
  const figure = unit === 'MB/s' ? megabytesPerSecond : requestsPerSecond
  return { figure, perProcessorSecond: (figure * lasted) / ((await measureProcessorSeconds(pid)) - before) }
}

function isSlow({ slow }: Target): boolean {
  return slow
}
