import { Hono } from 'hono'
import type { ProjectUsage, Run, TrafficQuery, TrafficSum } from '../../storage/catalog/catalog.ts'
import type { Usage } from '../administration.ts'
import type { NodeEnv } from '../env.ts'
import type { Repository, RepositoryStats } from '../repository.ts'
import { badRequest } from '../request-body.ts'
import { replyPrivately } from './private-reply.ts'

const DAY_MS = 86_400_000
/** How many sums are told where nobody says. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 10_000

/** What is stored, what was done, and for whom. */
export function statsRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/admin/stats', async () => {
    const [stats, usage] = await Promise.all([repository.stats(), repository.admin.usage()])
    return replyPrivately(renderStats(stats, usage))
  })
  app.get('/admin/stats/traffic', async (c) => {
    const { by, since, limit } = c.req.query()
    const query = { by: parseBy(by), since: parseSince(since), limit: parseLimit(limit) }
    const sums = await repository.admin.findTraffic(query)
    return replyPrivately({ by: query.by, since: renderDay(query.since), traffic: sums.map(renderSum) })
  })

  return app
}

function renderStats(stats: RepositoryStats, { spools, traffic, projects, runs }: Usage): object {
  const { store } = stats
  return {
    ...stats,
    downloads: { ...stats.downloads, spools },
    traffic: { days: 7, indexes: traffic.map(renderSum) },
    // How many bytes each distinct byte stands for; what packs hold in vain is told beside it.
    store: { ...store, dedupeRatio: store.uniqueBytes === 0 ? 1 : round(store.logicalBytes / store.uniqueBytes) },
    projects: { largest: projects.largest.map(renderUsage), coldest: projects.coldest.map(renderUsage) },
    last: Object.fromEntries(Object.entries(runs).map(([kind, run]) => [kind, renderRun(run)])),
  }
}

function round(ratio: number): number {
  return Math.round(ratio * 1000) / 1000
}

function renderUsage({ usedAt, ...usage }: ProjectUsage): object {
  return { ...usage, usedAt: new Date(usedAt).toISOString() }
}

function renderRun({ endedAt, outcome }: Run): object {
  return { endedAt: new Date(endedAt).toISOString(), outcome }
}

function renderSum({ day, ...sum }: TrafficSum): object {
  return { ...(day === undefined ? {} : { day: renderDay(day) }), ...sum }
}

function renderDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

function parseBy(text = 'day'): TrafficQuery['by'] {
  if (text === 'day' || text === 'index' || text === 'project') return text
  throw badRequest('"by" is "day", "index" or "project".')
}

/** Undefined: all that is kept. */
function parseSince(text: string | undefined): number {
  if (text === undefined) return 0
  const day = Math.floor(Date.parse(text) / DAY_MS)
  // There and back, since to Date.parse 30 February is 2 March.
  if (Number.isNaN(day) || renderDay(day) !== text) throw badRequest('"since" is a day, such as 2026-01-31.')
  return day
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MAX_LIMIT) throw badRequest(`"limit" is a number from 1 to ${MAX_LIMIT}.`)
  return limit
}
