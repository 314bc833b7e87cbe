import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { parseByteCount } from '../../storage/units.ts'
import type { Administration, Job } from '../administration.ts'
import type { NodeContext, NodeEnv } from '../env.ts'
import { notFound } from '../errors.ts'
import { prefersEvents } from '../negotiate.ts'
import { parsePath } from '../path.ts'
import { streamBody } from '../stream-body.ts'
import { PRIVATE_HEADERS, replyJob, replyPrivately } from './private-reply.ts'
import { renderJob } from './render-job.ts'
import { badRequest, limitJson, parseJsonBody } from '../request-body.ts'

/** Long operations: to start a scrub, and to see, follow and cancel all kinds. */
export function jobRoutes(admin: Administration): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.post('/admin/scrub', limitJson, async (c) => replyJob(admin.startScrub(parseScrub(await c.req.text()))))
  app.get('/admin/jobs', () => replyPrivately({ jobs: admin.listJobs().map(renderJob) }))
  app.get('/admin/jobs/:job', (c) => {
    const id = idIn(c)
    const job = admin.findJob(id)
    if (job === undefined) throw notFound(`job ${id}`)
    if (!prefersEvents(c.req.header('Accept'))) return replyPrivately(renderJob(job), 200, VARY)
    if (c.req.method === 'HEAD') return new Response(null, { headers: EVENT_HEADERS })
    return sendEvents(c, admin.watchJob(id, { signal: c.req.raw.signal }))
  })
  app.delete('/admin/jobs/:job', (c) => {
    const id = idIn(c)
    const job = admin.cancelJob(id)
    if (job === undefined) throw notFound(`job ${id}`)
    return replyPrivately(renderJob(job), job.state === 'running' ? 202 : 200)
  })

  return app
}

const VARY = { Vary: 'Accept' } as const
const EVENT_HEADERS = {
  ...PRIVATE_HEADERS,
  ...VARY,
  'Content-Type': 'text/event-stream',
  // nginx would hold events back until there is a page full of them.
  'X-Accel-Buffering': 'no',
} as const

/** Not by hono's streamSSE, which would start to follow for HEAD as well, and passes each event through a web stream. */
async function sendEvents(c: NodeContext, jobs: AsyncIterable<Job> | undefined): Promise<Response> {
  if (jobs === undefined) throw notFound('job')
  c.env.outgoing.writeHead(200, EVENT_HEADERS)
  await streamBody(c.env.outgoing, renderEvents(jobs), { length: undefined, flush: true })
  return RESPONSE_ALREADY_SENT
}

/** `progress` while it runs, `end` in the end, both with the job as JSON; a comment where nothing changed. */
async function* renderEvents(jobs: AsyncIterable<Job>): AsyncGenerator<Uint8Array> {
  let told: Job | undefined
  for await (const job of jobs) {
    const name = job.state === 'running' ? 'progress' : 'end'
    const event = `event: ${name}\ndata: ${JSON.stringify(renderJob(job))}\n\n`
    yield Buffer.from(job === told ? ': still running\n\n' : event)
    told = job
  }
}

function idIn(c: NodeContext): string {
  const [, , id = ''] = parsePath(c.req.raw.url)
  return id
}

function parseScrub(text: string): { readonly bytesPerSecond: number | undefined } {
  const { bytesPerSecond } = parseJsonBody(text, ['bytesPerSecond'])
  if (bytesPerSecond === undefined) return { bytesPerSecond }
  const rate = parseByteCount(bytesPerSecond)
  if (rate === undefined || rate === 0)
    throw badRequest('"bytesPerSecond" is a number of bytes, or a text such as "50MiB".')
  return { bytesPerSecond: rate }
}
