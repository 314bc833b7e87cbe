import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { PrunedDistribution, PrunePlan } from '../storage/catalog/catalog.ts'
import { requireBearer } from './bearer.ts'
import type { NodeEnv } from './env.ts'
import { RouteError } from './errors.ts'
import { parsePruneRequest } from './prune-request.ts'
import { NO_STORE } from './headers.ts'
import { reply } from './reply.ts'
import type { Repository } from './repository.ts'
import { findVersion } from './versions.ts'

const MAX_BODY_BYTES = 64 * 1024

/** What only the holder of the admin token may see and do. Without a token nobody may. */
export function adminRoutes(repository: Repository, options: { readonly token: string | undefined }): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.use('/admin/*', (c, next) => {
    requireBearer(c.req.header('Authorization'), options.token)
    return next()
  })

  app.get('/admin/stats', async () => replyPrivately(await repository.stats()))

  const limitBody = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError() {
      throw new RouteError('ERR_BODY_TOO_LARGE', `The body has more than ${MAX_BODY_BYTES} bytes.`)
    },
  })
  app.post('/admin/prune', limitBody, async (c) => {
    const { dryRun, budget } = parsePruneRequest(await c.req.text())
    const plan = await repository.planPrune(budget)
    const outcome = dryRun ? {} : { outcome: await repository.executePrune(plan) }
    return replyPrivately({ dryRun, plan: renderPlan(plan), ...outcome })
  })

  return app
}

/** For the one who holds the token: no other origin's scripts may read it, no cache may keep it. */
function replyPrivately(value: unknown): Response {
  return reply(`${JSON.stringify(value)}\n`, {
    'Content-Type': 'application/json',
    'Cache-Control': NO_STORE,
    'X-Content-Type-Options': 'nosniff',
  })
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
