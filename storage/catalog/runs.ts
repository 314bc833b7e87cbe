import type { Connection } from './sqlite-connection.ts'

export type RunKind = 'prune' | 'scrub'

/** The key of the scrub's position, in the same table as how runs ended. */
const POSITION = 'scrub position'

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
    'SELECT kind, ended_at AS endedAt, outcome FROM run WHERE kind <> ?',
    POSITION,
  )
  return Object.fromEntries(
    rows.map(({ kind, endedAt, outcome }) => [kind, { endedAt, outcome: JSON.parse(outcome) as object }]),
  )
}

/** How far a scrub has come that did not come to its end (yet). */
export interface ScrubPosition {
  /** {@link RecordedFile.cursor} of the last file that was looked at. */
  readonly cursor: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** What it did so far. */
  readonly done: Readonly<Record<string, number>>
}

/** Undefined: the next one starts at the beginning. */
export function saveScrubPosition(connection: Connection, position: ScrubPosition | undefined): void {
  if (position === undefined) connection.run('DELETE FROM run WHERE kind = ?', POSITION)
  else
    connection.run(
      'REPLACE INTO run (kind, ended_at, outcome) VALUES (?, ?, ?)',
      POSITION,
      position.at,
      JSON.stringify(position),
    )
}

export function findScrubPosition(connection: Connection): ScrubPosition | undefined {
  const row = connection.find<{ outcome: string }>('SELECT outcome FROM run WHERE kind = ?', POSITION)
  return row && (JSON.parse(row.outcome) as ScrubPosition)
}
