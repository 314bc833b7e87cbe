import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openLog } from '../../server/log.ts'
import { schedulePrunes, type PruneSchedule, type SchedulerOptions } from '../../server/schedule-prunes.ts'
import type { ExecuteOptions, PruneBudget, PruneOutcome, PrunePlan } from '../../storage/catalog/catalog.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const NOTHING = { distributions: 0, trees: 0, blobs: 0, packs: 0, freedBytes: 0 }

type Limits = PruneSchedule

const LIMITS: Limits = {
  maxBytes: undefined,
  maxFiles: undefined,
  unusedForMs: undefined,
  keepFreeBytes: undefined,
  pruneIntervalMs: HOUR,
  forgetAfterMs: 90 * DAY,
}

/** A schedule over a store that says what it holds, with a clock that is moved by hand. */
function schedule(t: TestContext, limits: Partial<Limits>) {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] })
  const store = { storedBytes: 1000, files: 100, freeBytes: 5000 }
  const budgets: PruneBudget[] = []
  const executed: PrunePlan[] = []
  const signals: (AbortSignal | undefined)[] = []
  const staleBefore: number[] = []
  const clock = { aheadMs: 0 }
  const planned: Pick<PrunePlan, 'freedBytes' | 'shortfall'> = { freedBytes: 1 }
  const warnings: unknown[] = []
  const options = {
    repository: {
      stats: async () => ({ store }),
      async planPrune(budget: PruneBudget) {
        budgets.push(JSON.parse(JSON.stringify(budget)) as PruneBudget)
        return { ...NOTHING, distributions: [], pinned: 0, storedBytes: store.storedBytes, ...planned }
      },
      async executePrune(plan: PrunePlan, { signal }: ExecuteOptions): Promise<PruneOutcome> {
        executed.push(plan)
        signals.push(signal)
        return NOTHING
      },
    },
    catalog: {
      async dropStale(before: number, { signal }: ExecuteOptions) {
        staleBefore.push(before)
        signals.push(signal)
        return { pages: 1, metadata: 0 }
      },
    },
    clock: () => Date.now() + clock.aheadMs,
    log: openLog('warn', { write: (line: string) => void warnings.push(JSON.parse(line)) }),
  } as unknown as SchedulerOptions
  const scheduler = schedulePrunes(options, { ...LIMITS, ...limits })
  t.after(() => scheduler.close())
  return {
    store,
    planned,
    warnings,
    budgets,
    executed,
    staleBefore,
    signals,
    clock,
    close: () => scheduler.close(),
    async pass(ms: number) {
      t.mock.timers.tick(ms)
      for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
    },
  }
}

test('without limits nothing is pruned, and what nobody asked for is dropped each interval', async (t) => {
  const scheduled = schedule(t, {})
  assert.deepEqual(scheduled.staleBefore, [])
  for (let minute = 0; minute <= 60; minute += 1) await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.staleBefore, [MINUTE - 90 * DAY, HOUR + MINUTE - 90 * DAY], 'also soon after the start')
  assert.deepEqual(scheduled.budgets, [])
})

test('within its limits nothing is pruned; beyond one it is, with some room to spare', async (t) => {
  const scheduled = schedule(t, { maxBytes: 1000, maxFiles: 100, keepFreeBytes: 4500 })
  await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.budgets, [])
  scheduled.store.storedBytes = 1001
  await scheduled.pass(MINUTE)
  scheduled.store.storedBytes = 1000
  scheduled.store.files = 101
  await scheduled.pass(MINUTE)
  scheduled.store.files = 100
  scheduled.store.freeBytes = 4499
  await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.budgets, [{ maxBytes: 900 }, { maxFiles: 90 }, { keepFreeBytes: 5000 }])
  assert.equal(scheduled.executed.length, 3)
})

test('limits that cannot be kept are a warning, once until they are kept again', async (t) => {
  const scheduled = schedule(t, { maxBytes: 900 })
  await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.warnings, [], 'something goes')
  Object.assign(scheduled.planned, { freedBytes: 0, shortfall: { storedBytes: 190, reason: 'pinned' } })
  await scheduled.pass(MINUTE)
  await scheduled.pass(MINUTE)
  const [warning] = scheduled.warnings as { storedBytes: number; reason: string; msg: string }[]
  assert.deepEqual([warning?.storedBytes, warning?.reason, scheduled.warnings.length], [1000, 'pinned', 1])
  scheduled.store.storedBytes = 900
  await scheduled.pass(MINUTE)
  scheduled.store.storedBytes = 901
  await scheduled.pass(MINUTE)
  assert.equal(scheduled.warnings.length, 2)
  assert.equal(scheduled.executed.length, 1)
})

test('that limits cannot be kept is told also where something goes at each look, but not of the room to spare', async (t) => {
  const limits = { maxBytes: 900, maxFiles: 90, keepFreeBytes: 9000 }
  for (const [shortfall, count] of [
    [{ storedBytes: 90 }, 0],
    [{ storedBytes: 91 }, 1],
    [{ files: 9 }, 0],
    [{ files: 10 }, 1],
    [{ freeBytes: 1000 }, 0],
    [{ freeBytes: 1001 }, 1],
  ] as const) {
    const scheduled = schedule(t, limits)
    Object.assign(scheduled.planned, { shortfall: { ...shortfall, reason: 'pinned' } })
    await scheduled.pass(MINUTE)
    await scheduled.pass(MINUTE)
    assert.deepEqual([scheduled.warnings.length, scheduled.executed.length], [count, 2], JSON.stringify(shortfall))
    await scheduled.close()
    t.mock.timers.reset()
  }
})

test('what was not used for too long goes once each interval', async (t) => {
  const scheduled = schedule(t, { unusedForMs: DAY, pruneIntervalMs: 5 * MINUTE })
  for (let minute = 0; minute < 11; minute += 1) await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.budgets, [{ unusedForMs: DAY }, { unusedForMs: DAY }, { unusedForMs: DAY }])
})

test('a clock that was set back puts nothing off', async (t) => {
  const scheduled = schedule(t, { unusedForMs: DAY })
  scheduled.clock.aheadMs = 1000 * DAY
  await scheduled.pass(MINUTE)
  scheduled.clock.aheadMs = 0
  await scheduled.pass(MINUTE)
  await scheduled.pass(MINUTE)
  assert.deepEqual(scheduled.budgets, [{ unusedForMs: DAY }, { unusedForMs: DAY }])
})

test('a short interval is kept', async (t) => {
  const scheduled = schedule(t, { unusedForMs: DAY, pruneIntervalMs: 1000 })
  await scheduled.pass(1000)
  await scheduled.pass(1000)
  assert.equal(scheduled.budgets.length, 2)
})

test('the end ends a prune, and the dropping of what nobody asked for, at the step where it is', async (t) => {
  const scheduled = schedule(t, { unusedForMs: DAY })
  await scheduled.pass(MINUTE)
  assert.deepEqual(
    scheduled.signals.map((signal) => signal?.aborted),
    [false, false],
  )
  await scheduled.close()
  assert.deepEqual(
    scheduled.signals.map((signal) => signal?.aborted),
    [true, true],
  )
})
