import { Hono } from 'hono'
import type { PrunedDistribution, PrunePlan } from '../../storage/catalog/catalog.ts'
import type { NodeEnv } from '../env.ts'
import { prefersAsync } from '../prefer.ts'
import { parsePruneRequest } from '../prune-request.ts'
import type { Repository } from '../repository.ts'
import { findVersion } from '../../storage/versions.ts'
import { replyJob, replyPrivately } from './private-reply.ts'
import { limitJson } from './request-body.ts'

/** Says what may go, or deletes it: then the client waits, or follows a job. */
export function pruneRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.post('/admin/prune', limitJson, async (c) => {
    const { dryRun, budget } = parsePruneRequest(await c.req.text())
    if (!dryRun && prefersAsync(c.req.header('Prefer'))) return replyJob(repository.admin.startPrune(budget))
    const plan = await repository.planPrune(budget)
    const outcome = dryRun ? {} : { outcome: await repository.executePrune(plan) }
    return replyPrivately({ dryRun, plan: renderPlan(plan), ...outcome })
  })

  return app
}

function renderPlan(plan: PrunePlan): object {
  return { ...plan, distributions: plan.distributions.map(renderDistribution) }
}

function renderDistribution(distribution: PrunedDistribution): object {
  const { blake3, sha256, sightings, usedAt, ...rest } = distribution
  const [first] = sightings
  return {
    project: first?.project,
    version: first && findVersion(first.filename, first.project),
    filename: first?.filename,
    ...rest,
    usedAt: new Date(usedAt).toISOString(),
    sha256: `sha256:${sha256}`,
    blake3: `blake3:${blake3}`,
    seen: sightings,
  }
}
