import { type Clock, hasPassed } from '../storage/clock.ts'
import { ScrubRunningError } from '../storage/errors.ts'
import type { Store } from '../storage/store.ts'
import type { Log } from './log.ts'
import { repeat, type Repetition } from './repeat.ts'

/** How often it is looked whether a scrub is due, milliseconds; so the first one comes that long after the start. */
const LOOK_MS = 600_000

export interface ScrubSchedule {
  /** From the end of one to the start of the next, milliseconds; undefined: never. */
  readonly scrubIntervalMs: number | undefined
  /** Undefined: as fast as the disk reads. */
  readonly scrubBytesPerSecond: number | undefined
}

interface Parts {
  readonly store: Pick<Store, 'scrub' | 'catalog'>
  readonly clock: Clock
  readonly log: Log
  /** For tests. */
  readonly lookMs?: number
}

/**
 * Scrubs the store now and then, in whichever process is the first to find that it is due. One that is broken off by the end goes on from there
 * after the next start.
 */
export function scheduleScrubs(parts: Parts, schedule: ScrubSchedule): Repetition {
  const { log, lookMs = LOOK_MS } = parts
  if (schedule.scrubIntervalMs === undefined) return { close: () => Promise.resolve() }
  return repeat(
    lookMs,
    (signal) => scrubIfDue(parts, schedule, signal),
    (error) => log.error({ err: error }, 'a scheduled scrub failed'),
  )
}

async function scrubIfDue(
  { store, clock, log }: Parts,
  { scrubIntervalMs = Infinity, scrubBytesPerSecond }: ScrubSchedule,
  signal: AbortSignal,
): Promise<void> {
  const { scrub: last } = await store.catalog.findRuns()
  const isComplete = last !== undefined && 'complete' in last.outcome && last.outcome.complete === true
  if (isComplete && !hasPassed(scrubIntervalMs, last.endedAt, clock())) return
  try {
    const outcome = await store.scrub({ bytesPerSecond: scrubBytesPerSecond, signal })
    log[outcome.damaged + outcome.missing > 0 ? 'warn' : 'info']({ ...outcome }, 'scrubbed')
  } catch (error) {
    // Somebody asked for one, or another process was quicker.
    if (!(error instanceof ScrubRunningError)) throw error
  }
}
