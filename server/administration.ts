import type { Administration, JobKind, Usage } from '../routes/administration.ts'
import type { RepositoryStats } from '../routes/repository.ts'
import { notFound, RouteError } from '../routes/errors.ts'
import type { ExecuteOptions, PruneBudget } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import { diskIo } from '../storage/io.ts'
import { forget, type ForgetParts } from './forget.ts'
import type { IndexSource } from './index-source.ts'
import type { JobContext, JobEnd, Jobs } from './jobs.ts'
import { describeCounted } from './metric-families.ts'
import type { Metrics } from './metrics.ts'
import { describeProcess } from './process-metrics.ts'
import { renderFamilies } from './prometheus.ts'
import { refresh } from './refresh.ts'
import type { ScrubJobs } from './scrub-jobs.ts'
import { dayOf } from './traffic.ts'
import type { TrafficWriter } from './traffic-writer.ts'
import type { VirtualIndex } from './virtual-index.ts'
import { parseWarmList } from './warm/parse-warm-list.ts'
import { warm, type WarmParts } from './warm/warm.ts'

export interface AdministrationParts extends ForgetParts, WarmParts {
  readonly jobs: Jobs
  readonly traffic: TrafficWriter
  readonly clock: Clock
  readonly metrics: Metrics
  readonly stats: () => Promise<RepositoryStats>
  readonly scrubs: ScrubJobs
  /** The rate of a scrub for which none is asked; undefined: as fast as the disk reads. */
  readonly scrubBytesPerSecond: number | undefined
}

/** What the operator may do, over one store. */
export function createAdministration(parts: AdministrationParts): Administration {
  const { jobs, store, clock } = parts
  const { catalog } = store
  return {
    listJobs: () => jobs.list(),
    findJob: (id) => jobs.find(id),
    watchJob: (id, options) => jobs.watch(id, options),
    cancelJob: (id) => jobs.cancel(id),
    startScrub: ({ bytesPerSecond = parts.scrubBytesPerSecond }) => parts.scrubs.start({ bytesPerSecond }),
    startPrune(budget) {
      refuseSecond(jobs, 'prune')
      return jobs.start('prune', (context) => prune(parts, budget, context))
    },
    startWarm({ index, format, text }) {
      const list = parseWarmList(text, format)
      return jobs.start('warm', (context) => warm(parts, { index, list }, context))
    },
    usage: () => readUsage(parts),
    renderMetrics: () => renderMetrics(parts),
    async findTraffic(query) {
      await parts.traffic.write()
      return catalog.findTraffic(query)
    },
    listPins: () => catalog.listPins(),
    addPin: (pin) => catalog.addPin(pin, clock()),
    removePin: (pin) => catalog.removePin(pin),
    async forget(what) {
      const index = what.kind === 'distribution' ? undefined : what.index
      if (index !== undefined && parts.virtuals.has(index)) {
        const detail = `${index} is virtual, and keeps nothing of its own: name one of its indexes, or none for all.`
        throw new RouteError('ERR_BAD_REQUEST', detail)
      }
      return forget(parts, what)
    },
    async refresh(name, project) {
      const virtual = parts.virtuals.get(name)
      const index = parts.indexes.get(name)
      const asked = virtual === undefined ? index && [index] : sourcesOf(virtual.pins.get(project), virtual)
      if (asked === undefined) throw notFound(`index ${name}`)
      return Promise.all(asked.map((source) => refresh(parts.pages, source, project)))
    },
  }
}

/** How many of the largest projects, and of the coldest, the stats list. */
const LISTED_PROJECTS = 10

async function readUsage({ store, files, traffic, clock }: AdministrationParts): Promise<Usage> {
  const { catalog } = store
  await traffic.write()
  const [sums, largest, coldest, runs] = await Promise.all([
    catalog.findTraffic({ since: dayOf(clock()) - 6, by: 'index', limit: 1000 }),
    catalog.listProjects('largest', LISTED_PROJECTS),
    catalog.listProjects('coldest', LISTED_PROJECTS),
    catalog.findRuns(),
  ])
  return { spools: files.listDownloads(), traffic: sums, projects: { largest, coldest }, runs }
}

async function renderMetrics(parts: AdministrationParts): Promise<string> {
  const { served, traffic } = parts.metrics
  const [stats, runs, ofProcess] = await Promise.all([
    parts.stats(),
    parts.store.catalog.findRuns(),
    describeProcess(diskIo),
  ])
  const counted = describeCounted({
    stats,
    responses: served.responses(),
    traffic: traffic.sumsOf(parts.indexes.keys()),
    jobs: parts.jobs.list(),
    runs,
  })
  return renderFamilies([...counted, ...ofProcess])
}

function sourcesOf(pinned: IndexSource | undefined, { indexes }: VirtualIndex): readonly IndexSource[] {
  return pinned === undefined ? indexes : [pinned]
}

function refuseSecond(jobs: Jobs, kind: JobKind): void {
  const running = jobs.findRunning(kind)
  if (running === undefined) return
  throw new RouteError('ERR_JOB_RUNNING', `The ${kind} ${running.id} runs already: wait for its end, or cancel it.`, {
    extensions: { job: running.id },
  })
}

/** A prune as a job. Where it is cancelled, what was deleted by then stays deleted. */
async function prune(
  { planPrune, executePrune }: AdministrationParts,
  budget: PruneBudget,
  { signal, report }: JobContext,
): Promise<JobEnd> {
  const plan = await planPrune(budget)
  signal.throwIfAborted()
  const totals = { totalDistributions: plan.distributions.length, totalBytes: plan.freedBytes }
  const onProgress: ExecuteOptions['onProgress'] = ({ distributions, freedBytes: bytes }) =>
    report({ distributions, bytes, ...totals })
  const outcome = await executePrune(plan, { signal, onProgress })
  const result = plan.shortfall === undefined ? outcome : { ...outcome, shortfall: plan.shortfall }
  return { result, isComplete: !signal.aborted || outcome.distributions === plan.distributions.length }
}
