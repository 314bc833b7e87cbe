import type { IndexName, ProjectName } from '../names.ts'
import type { Connection } from './sqlite-connection.ts'

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
  day: { columns: 'day', order: 'day DESC' },
  index: { columns: 'index_name AS "index"', order: 'sum(bytes_served) DESC, "index"' },
  project: { columns: 'index_name AS "index", project', order: 'sum(bytes_served) DESC, "index", project' },
} as const

/** Days: the latest first; others: where most was served first. */
export function findTraffic(connection: Connection, { since, by, limit }: TrafficQuery): TrafficSum[] {
  const { columns, order } = GROUPS[by]
  return connection.all<TrafficSum>(
    `SELECT ${columns}, sum(hits) AS hits, sum(misses) AS misses, sum(bytes_from_upstream) AS bytesFromUpstream,
         sum(bytes_served) AS bytesServed, sum(bytes_saved) AS bytesSaved
       FROM traffic WHERE day >= ? GROUP BY ${by === 'project' ? 'index_name, project' : by === 'index' ? 'index_name' : 'day'}
       ORDER BY ${order} LIMIT ?`,
    since,
    limit,
  )
}
