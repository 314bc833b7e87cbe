import type { Catalog } from './catalog.ts'
import { condemn } from './condemned.ts'
import { listFiles } from './files.ts'
import * as pins from './pins.ts'
import { listProjects } from './projects.ts'
import { planPrune } from './plan.ts'
import { executePrune, releaseUnrecorded } from './prune.ts'
import * as runs from './runs.ts'
import { dropStale } from './stale.ts'
import { readStats } from './stats.ts'
import * as traffic from './traffic.ts'
import type { Transactions } from './transactions.ts'

type Upkeep = Pick<
  Catalog,
  | 'listFiles'
  | 'condemn'
  | 'stats'
  | 'listProjects'
  | 'recordTraffic'
  | 'findTraffic'
  | 'recordRun'
  | 'findRuns'
  | 'saveScrubPosition'
  | 'findScrubPosition'
  | 'addPin'
  | 'removePin'
  | 'listPins'
  | 'planPrune'
  | 'executePrune'
  | 'releaseOrphans'
  | 'dropStale'
>

/** What a catalog does for whoever looks after the store, rather than for those who read from it. */
export function upkeepOf(db: Transactions): Upkeep {
  return {
    listFiles: (after, limit) => db.read((connection) => listFiles(connection, after, limit)),
    condemn: (file, quarantine) =>
      db.write('full', async (connection) => {
        const condemned = await condemn(connection, file)
        if (condemned !== undefined) await quarantine()
        return condemned ?? { distribution: undefined, wheels: [], trees: [], siblings: [] }
      }),

    stats: () => db.read(readStats),
    listProjects: (order, limit) => db.read((connection) => listProjects(connection, order, limit)),
    recordTraffic: (entries) => db.write('normal', (connection) => traffic.recordTraffic(connection, entries)),
    findTraffic: (query) => traffic.findTraffic(db, query),
    recordRun: (kind, run) => db.write('normal', (connection) => runs.recordRun(connection, kind, run)),
    findRuns: () => db.read(runs.findRuns),
    saveScrubPosition: (position) => db.write('normal', (connection) => runs.saveScrubPosition(connection, position)),
    findScrubPosition: () => db.read(runs.findScrubPosition),

    addPin: (pin, at) => db.write('full', (connection) => pins.addPin(connection, pin, at)),
    removePin: (pin) => db.write('full', (connection) => pins.removePin(connection, pin)),
    listPins: () => db.read(pins.listPins),
    planPrune: (budget, now, disk) => db.survey((connection) => planPrune(connection, budget, { now, ...disk })),
    executePrune: (plan, release, options) => executePrune(db, plan, release, options),
    dropStale: (before, { signal } = {}) => dropStale(db, before, signal),
    releaseOrphans: (candidates, release) => releaseUnrecorded(db, candidates, release),
  }
}
