import type { IndexName, ProjectName } from '../names.ts'
import { Pace } from '../pace.ts'
import type { Connection } from './sqlite-connection.ts'
import type { Transactions } from './transactions.ts'

/** How long counters are kept, days. */
const KEPT_DAYS = 400

/** What was asked for and what was given; numbers of requests, and bytes. */
export interface TrafficCounters {
  /** Requests that were answered from the store. */
  readonly hits: number
  readonly misses: number
  readonly bytesFromUpstream: number
  readonly bytesServed: number
  /** Bytes served from the store, which upstream would have sent otherwise. */
  readonly bytesSaved: number
}

export interface TrafficEntry extends TrafficCounters {
  /** Whole days since the epoch, UTC. */
  readonly day: number
  readonly index: IndexName
  readonly project: ProjectName
}

/** Counters summed up by day, by index, or by index and project. */
export interface TrafficSum extends TrafficCounters {
  readonly day?: number
  readonly index?: IndexName
  readonly project?: ProjectName
}

export interface TrafficQuery {
  /** The first day. */
  readonly since: number
  readonly by: 'day' | 'index' | 'project'
  readonly limit: number
}

export function recordTraffic(connection: Connection, entries: readonly TrafficEntry[]): void {
  for (const { day, index, project, ...counters } of entries) {
    connection.run(
      `INSERT INTO traffic (day, index_name, project, hits, misses, bytes_from_upstream, bytes_served, bytes_saved)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (day, index_name, project) DO UPDATE SET
         hits = hits + excluded.hits, misses = misses + excluded.misses,
         bytes_from_upstream = bytes_from_upstream + excluded.bytes_from_upstream,
         bytes_served = bytes_served + excluded.bytes_served, bytes_saved = bytes_saved + excluded.bytes_saved`,
      day,
      index,
      project,
      counters.hits,
      counters.misses,
      counters.bytesFromUpstream,
      counters.bytesServed,
      counters.bytesSaved,
    )
  }
  const last = entries.reduce((latest, { day }) => Math.max(latest, day), 0)
  connection.run('DELETE FROM traffic WHERE day < ?', last - KEPT_DAYS)
}

const GROUPS = {
  day: 'day',
  index: 'index_name AS "index"',
  project: 'index_name AS "index", project',
} as const

/** Days: the latest first; others: where most was served first. A day at a time, with a rest in between, since a year has a million counters. */
export async function findTraffic(db: Transactions, { since, by, limit }: TrafficQuery): Promise<TrafficSum[]> {
  const [span] = await db.read((connection) =>
    connection.all<{ first: number | null; last: number }>(
      // Each by itself is one look into the key.
      'SELECT (SELECT min(day) FROM traffic WHERE day >= ?) AS first, (SELECT max(day) FROM traffic) AS last',
      since,
    ),
  )
  const sums = new Map<string | number, Summing>()
  const pace = new Pace()
  for (let day = span?.first ?? Infinity; day <= (span?.last ?? 0); day += 1) {
    for (const sum of await db.read((connection) => sumDay(connection, day, by))) {
      const key = by === 'day' ? day : nameOf(sum)
      const sofar = sums.get(key)
      if (sofar === undefined) sums.set(key, sum)
      else add(sofar, sum)
    }
    if (pace.isDue) await pace.rest()
  }
  const order = by === 'day' ? latestFirst : mostServedFirst
  return [...sums.values()].toSorted(order).slice(0, limit)
}

type Summing = { -readonly [Name in keyof TrafficSum]: TrafficSum[Name] }

function sumDay(connection: Connection, day: number, by: TrafficQuery['by']): Summing[] {
  return connection.all<Summing>(
    `SELECT ${GROUPS[by]}, sum(hits) AS hits, sum(misses) AS misses, sum(bytes_from_upstream) AS bytesFromUpstream,
         sum(bytes_served) AS bytesServed, sum(bytes_saved) AS bytesSaved
       FROM traffic WHERE day = ? GROUP BY ${by === 'project' ? 'index_name, project' : by === 'index' ? 'index_name' : 'day'}`,
    day,
  )
}

function add(sum: Summing, more: TrafficCounters): void {
  sum.hits += more.hits
  sum.misses += more.misses
  sum.bytesFromUpstream += more.bytesFromUpstream
  sum.bytesServed += more.bytesServed
  sum.bytesSaved += more.bytesSaved
}

function latestFirst(a: TrafficSum, b: TrafficSum): number {
  return (b.day ?? 0) - (a.day ?? 0)
}

function mostServedFirst(a: TrafficSum, b: TrafficSum): number {
  return b.bytesServed - a.bytesServed || (nameOf(a) < nameOf(b) ? -1 : 1)
}

function nameOf({ index, project }: TrafficSum): string {
  return `${index ?? ''}/${project ?? ''}`
}
