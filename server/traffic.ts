import type { FileReference, Meter } from '../routes/repository.ts'
import type { TrafficCounters, TrafficEntry } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import type { IndexName, ProjectName } from '../storage/names.ts'
import { namedProjectsOf } from './named-projects.ts'

const DAY_MS = 86_400_000

type Counted = { -readonly [Name in keyof TrafficEntry]: TrafficEntry[Name] }
type Sum = { -readonly [Name in keyof TrafficCounters]: number }

const NOTHING: TrafficCounters = { hits: 0, misses: 0, bytesFromUpstream: 0, bytesServed: 0, bytesSaved: 0 }

/** Counts requests and bytes by day, index and project, until they are written to the catalog. To count costs a look into a map. */
export class Traffic {
  readonly #clock: Clock
  /** By index and project: of the latest day on which something was counted for them. */
  #entries = new Map<string, Counted>()
  /** Of earlier days. */
  #past: TrafficEntry[] = []
  #saved = 0
  /** Of what was taken. */
  readonly #sums = new Map<IndexName, Sum>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Bytes served from the store since the start, which upstream would have sent otherwise. */
  get bytesSaved(): number {
    return this.#saved
  }

  /** Makes what counts the responses that send this file. */
  meter(reference: FileReference): Meter {
    const { index } = reference
    const [project] = namedProjectsOf(reference)
    if (project === undefined) return () => {}
    const key = keyOf(index, project)
    return (bytes, origin) => {
      const counted = this.#entryOf(key, index, project)
      counted.bytesServed += bytes
      if (origin === 'upstream') counted.misses += 1
      else {
        counted.hits += 1
        counted.bytesSaved += bytes
        this.#saved += bytes
      }
    }
  }

  /** Counts anything but the sending of a file. */
  note(index: IndexName, project: ProjectName, change: Partial<TrafficCounters>): void {
    const counted = this.#entryOf(keyOf(index, project), index, project)
    counted.hits += change.hits ?? 0
    counted.misses += change.misses ?? 0
    counted.bytesFromUpstream += change.bytesFromUpstream ?? 0
  }

  /** What was counted since the last time. */
  take(): readonly TrafficEntry[] {
    const taken = [...this.#past, ...this.#entries.values()]
    this.#past = []
    this.#entries = new Map()
    addUp(this.#sums, taken)
    return taken
  }

  /** All that was counted since the start, for each of these indexes. */
  sumsOf(indexes: Iterable<IndexName>): ReadonlyMap<IndexName, TrafficCounters> {
    const sums = new Map(Array.from(indexes, (index) => [index, { ...(this.#sums.get(index) ?? NOTHING) }]))
    addUp(sums, this.#past)
    addUp(sums, this.#entries.values())
    return sums
  }

  #entryOf(key: string, index: IndexName, project: ProjectName): Counted {
    const day = dayOf(this.#clock())
    const counted = this.#entries.get(key)
    if (counted?.day === day) return counted
    if (counted !== undefined) this.#past.push(counted)
    const fresh = { day, index, project, ...NOTHING }
    this.#entries.set(key, fresh)
    return fresh
  }
}

function addUp(sums: Map<IndexName, Sum>, entries: Iterable<TrafficEntry>): void {
  for (const { index, ...counters } of entries) {
    const sum = sums.get(index) ?? { ...NOTHING }
    sums.set(index, sum)
    sum.hits += counters.hits
    sum.misses += counters.misses
    sum.bytesFromUpstream += counters.bytesFromUpstream
    sum.bytesServed += counters.bytesServed
    sum.bytesSaved += counters.bytesSaved
  }
}

function keyOf(index: IndexName, project: ProjectName): string {
  return `${index}/${project}`
}

/** Whole days since the epoch, UTC. */
export function dayOf(milliseconds: number): number {
  return Math.floor(milliseconds / DAY_MS)
}
