import type { RunOptions } from '../benchmark.ts'
import { measureInRounds } from '../rounds.ts'
import type { Row } from '../table.ts'
import { measureLoad } from './wrk.ts'

/** Where one contestant is asked for what everybody sends. */
export interface Target {
  readonly contestant: string
  readonly slow: boolean
  readonly url: string
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

/** Measures the targets in turns, each after a short run that does not count. */
export async function measureWarm(work: WarmWork, options: RunOptions, folder: string): Promise<Row> {
  const { name, unit, connections, headers, targets } = work
  const { seconds, rounds, signal, say } = options
  const load = (target: Target): Promise<number> => {
    const { url, paths } = target
    const asked = { url, headers, connections, seconds, folder, signal, ...(paths !== undefined && { paths }) }
    return measureLoad(asked).then((result) => (unit === 'MB/s' ? result.megabytesPerSecond : result.requestsPerSecond))
  }
  say(name)
  // Compilers and caches are warm then. What is slow is slow because of other things.
  for (const target of targets) if (!target.slow) await load(target)
  const medians = await measureInRounds(targets, { rounds, signal, once: isSlow }, ({ contestant }) => load(contestant))
  return { name, unit, figures: new Map([...medians].map(([target, figure]) => [target.contestant, figure])) }
}

function isSlow({ slow }: Target): boolean {
  return slow
}
