import type { PruneBudget } from '../storage/catalog/catalog.ts'
import type { Log } from './log.ts'
import type { Repository } from '../routes/repository.ts'

/** How often the store is held against its budget, milliseconds. */
const INTERVAL_MS = 60_000
/** A prune for size goes this far below the limit, so that the next download does not cause the next prune. */
const HEADROOM = 0.9

export interface Scheduler {
  /** Ends the schedule, and waits for the prune that runs. */
  close(): Promise<void>
}

/** Keeps the store within `budget` by pruning when it is over it. With an empty budget it does nothing. */
export function schedulePrunes(repository: Repository, budget: PruneBudget, log: Log): Scheduler {
  if (budget.maxBytes === undefined && budget.unusedForMs === undefined) return { close: () => Promise.resolve() }
  let running: Promise<void> = Promise.resolve()
  let isRunning = false
  const timer = setInterval(() => {
    if (isRunning) return
    isRunning = true
    running = prune(repository, budget, log)
      .catch((error: unknown) => log.error({ err: error }, 'a scheduled prune failed'))
      .finally(() => (isRunning = false))
  }, INTERVAL_MS)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await running
    },
  }
}

async function prune(repository: Repository, { maxBytes, unusedForMs }: PruneBudget, log: Log): Promise<void> {
  const { store } = await repository.stats()
  const isOver = maxBytes !== undefined && store.storedBytes > maxBytes
  const plan = await repository.planPrune({
    unusedForMs,
    maxBytes: isOver ? Math.floor(maxBytes * HEADROOM) : undefined,
  })
  if (plan.freedBytes === 0 && plan.distributions.length === 0) return
  const { distributions, freedBytes } = await repository.executePrune(plan)
  log.info({ distributions, freedBytes }, 'pruned')
}
