import { Hono } from 'hono'
import type { NodeEnv } from './env.ts'
import { replyJson } from './reply.ts'

/** Whether the process answers; it asks nobody else. */
export function healthRoutes(): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  app.get('/health', () => replyJson({ status: 'ok' }))
  return app
}
