import { Hono } from 'hono'
import type { Administration } from '../administration.ts'
import type { NodeEnv } from '../env.ts'
import { reply } from '../reply.ts'
import { PRIVATE_HEADERS } from './private-reply.ts'

const HEADERS = { ...PRIVATE_HEADERS, 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' } as const

/** For Prometheus. Below `/admin`, since it tells whom Arbor asks and how much is stored. */
export function metricsRoutes(admin: Administration): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  app.get('/admin/metrics', async () => reply(await admin.renderMetrics(), HEADERS))
  return app
}
