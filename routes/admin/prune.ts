import { Hono } from 'hono'
import type { PrunedDistribution, PrunePlan } from '../../storage/catalog/catalog.ts'
import { Pace } from '../../storage/pace.ts'
import { findVersion } from '../../storage/versions.ts'
import type { NodeEnv } from '../env.ts'
import { prefersAsync } from '../prefer.ts'
import type { Repository } from '../repository.ts'
import { limitJson } from '../request-body.ts'
import { PRIVATE_HEADERS, replyJob, replyPrivately } from './private-reply.ts'
import { parsePruneRequest } from './prune-request.ts'

/** Distributions that are written at once: a millisecond's work. */
const AT_ONCE = 250

/** Says what may go, or deletes it: then the client waits, or follows a job. */
export function pruneRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.post('/admin/prune', limitJson, async (c) => {
    const { dryRun, budget } = parsePruneRequest(await c.req.text())
    if (!dryRun && prefersAsync(c.req.header('Prefer'))) return replyJob(repository.admin.startPrune(budget))
    const plan = await repository.planPrune(budget)
    const outcome = dryRun ? {} : { outcome: await repository.executePrune(plan) }
    return replyPlan(plan, { dryRun, ...outcome })
  })

  return app
}

/** A long one is written as it is sent: as a whole, a plan of a hundred thousand distributions would take 200 MB. */
function replyPlan({ distributions, ...plan }: PrunePlan, rest: object): Response {
  const render = (some: readonly PrunedDistribution[]): object => ({
    plan: { distributions: some.map(renderDistribution), ...plan },
    ...rest,
  })
  if (distributions.length <= AT_ONCE) return replyPrivately(render([...distributions]))
  const frame = `${JSON.stringify(render([]))}\n`
  const gap = frame.indexOf('[') + 1
  const headers = { 'Content-Type': 'application/json', ...PRIVATE_HEADERS }
  const chunks = writeLong(distributions, { head: frame.slice(0, gap), tail: frame.slice(gap) })
  return new Response(ReadableStream.from(chunks), { headers })
}

async function* writeLong(
  distributions: PrunePlan['distributions'],
  { head, tail }: { readonly head: string; readonly tail: string },
): AsyncGenerator<Uint8Array> {
  let text = head
  let written = 0
  const pace = new Pace()
  for (const distribution of distributions) {
    if (written > 0) text += ','
    text += JSON.stringify(renderDistribution(distribution))
    written += 1
    if (written % AT_ONCE !== 0) continue
    yield Buffer.from(text)
    text = ''
    // A client that reads fast would have all of it in one turn of the event loop.
    if (pace.isDue) await pace.rest()
  }
  yield Buffer.from(text + tail)
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
