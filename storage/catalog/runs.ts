import type { Connection } from './sqlite-connection.ts'

export type RunKind = 'prune' | 'scrub'

/** Work on the whole store that came to an end. */
export interface Run {
  /** Milliseconds since the epoch. */
  readonly endedAt: number
  /** What it did; JSON. */
  readonly outcome: object
}

export function recordRun(connection: Connection, kind: RunKind, { endedAt, outcome }: Run): void {
  connection.run(
    `INSERT INTO run (kind, ended_at, outcome) VALUES (?, ?, ?)
     ON CONFLICT (kind) DO UPDATE SET ended_at = excluded.ended_at, outcome = excluded.outcome`,
    kind,
    endedAt,
    JSON.stringify(outcome),
  )
}

export function findRuns(connection: Connection): Partial<Record<RunKind, Run>> {
  const rows = connection.all<{ kind: RunKind; endedAt: number; outcome: string }>(
    'SELECT kind, ended_at AS endedAt, outcome FROM run',
  )
  return Object.fromEntries(
    rows.map(({ kind, endedAt, outcome }) => [kind, { endedAt, outcome: JSON.parse(outcome) as object }]),
  )
}
