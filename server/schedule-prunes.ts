import type { Catalog, PruneBudget, PruneShortfall } from '../storage/catalog/catalog.ts'
import { type Clock, hasPassed } from '../storage/clock.ts'
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import { repeat, type Repetition } from './repeat.ts'
import type { Repository } from '../routes/repository.ts'

/** How often it is looked whether room runs low, milliseconds. */
const LOOK_MS = 60_000
/** A prune for room goes this far below the limit, so that the next download does not cause the next prune. */
const HEADROOM = 0.9

export interface SchedulerOptions {
  readonly repository: Pick<Repository, 'stats' | 'planPrune' | 'executePrune'>
  readonly catalog: Pick<Catalog, 'dropStale'>
  readonly clock: Clock
  readonly log: Log
}

/** The limits, and how often they are applied. */
export type PruneSchedule = Pick<
  Config['storage'],
  'maxBytes' | 'maxFiles' | 'unusedForMs' | 'keepFreeBytes' | 'pruneIntervalMs' | 'forgetAfterMs'
>

/**
 * Keeps the store within its limits. Each interval they are all applied, and stale pages and metadata dropped; in between a prune is
 * made when one is exceeded that is cheap to look at: bytes, files, free space. The end waits for the step that a prune is at.
 */
export function schedulePrunes(options: SchedulerOptions, schedule: PruneSchedule): Repetition {
  const { clock, log } = options
  // At the first look, or a server that is restarted more often than that would never come to it.
  let appliedAt = -Infinity
  const told = { isBeyond: false }
  const look = async (signal: AbortSignal): Promise<void> => {
    if (!hasPassed(schedule.pruneIntervalMs, appliedAt, clock()))
      return pruneForRoom(options, schedule, { told, signal })
    await pruneForRoom(options, schedule, { budget: { unusedForMs: schedule.unusedForMs }, told, signal })
    await dropStale(options, schedule, signal)
    appliedAt = clock()
  }
  return repeat(Math.min(LOOK_MS, schedule.pruneIntervalMs), look, (error) =>
    log.error({ err: error }, 'a scheduled prune failed'),
  )
}

interface Look {
  /** What is to be held in any case. */
  readonly budget?: PruneBudget
  /** Whether it was logged that the limits cannot be kept, and they were not kept since. */
  readonly told: { isBeyond: boolean }
  readonly signal: AbortSignal
}

async function pruneForRoom(
  { repository, log }: SchedulerOptions,
  limits: PruneSchedule,
  { budget = {}, told, signal }: Look,
): Promise<void> {
  const { store } = await repository.stats()
  const { maxBytes = Infinity, maxFiles = Infinity, keepFreeBytes = 0 } = limits
  const exceeded: PruneBudget = {
    maxBytes: store.storedBytes > maxBytes ? Math.floor(maxBytes * HEADROOM) : undefined,
    maxFiles: store.files > maxFiles ? Math.floor(maxFiles * HEADROOM) : undefined,
    keepFreeBytes: store.freeBytes < keepFreeBytes ? Math.ceil(keepFreeBytes / HEADROOM) : undefined,
  }
  if (Object.values(exceeded).every((limit) => limit === undefined)) told.isBeyond = false
  if (Object.values({ ...budget, ...exceeded }).every((limit) => limit === undefined)) return
  const plan = await repository.planPrune({ ...budget, ...exceeded })
  if (signal.aborted) return
  if (plan.shortfall !== undefined && !told.isBeyond && isBeyond(limits, exceeded, plan.shortfall)) {
    told.isBeyond = true
    const { storedBytes, files, freeBytes } = store
    log.warn({ storedBytes, files, freeBytes, reason: plan.shortfall.reason }, 'the limits of the store cannot be kept')
  }
  if (plan.freedBytes === 0 && plan.distributions.length === 0) return
  const { distributions, freedBytes } = await repository.executePrune(plan, { signal })
  log.info({ distributions, freedBytes, pinned: plan.pinned }, 'pruned')
}

/** Whether what cannot go is beyond the limits themselves, and not only in the room to spare. */
function isBeyond(
  { maxBytes = Infinity, maxFiles = Infinity, keepFreeBytes = 0 }: PruneSchedule,
  aim: PruneBudget,
  { storedBytes = 0, files = 0, freeBytes = 0 }: PruneShortfall,
): boolean {
  return (
    (aim.maxBytes ?? 0) + storedBytes > maxBytes ||
    (aim.maxFiles ?? 0) + files > maxFiles ||
    (aim.keepFreeBytes ?? Infinity) - freeBytes < keepFreeBytes
  )
}

async function dropStale(
  { catalog, clock, log }: SchedulerOptions,
  { forgetAfterMs }: PruneSchedule,
  signal: AbortSignal,
): Promise<void> {
  const { pages, metadata } = await catalog.dropStale(clock() - forgetAfterMs, { signal })
  if (pages > 0 || metadata > 0) log.info({ pages, metadata }, 'dropped what nobody asked for')
}
