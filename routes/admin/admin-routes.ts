import { Hono } from 'hono'
import { requireBearer } from '../bearer.ts'
import type { NodeEnv } from '../env.ts'
import type { Repository } from '../repository.ts'
import { jobRoutes } from './jobs.ts'
import { metricsRoutes } from './metrics.ts'
import { pinRoutes } from './pins.ts'
import { projectRoutes } from './projects.ts'
import { pruneRoutes } from './prune.ts'
import { statsRoutes } from './stats.ts'
import { warmRoutes } from './warm.ts'

/** What only the holder of the admin token may see and do. Without a token nobody may. */
export function adminRoutes(repository: Repository, options: { readonly token: string | undefined }): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.use('/admin/*', (c, next) => {
    requireBearer(c.req.header('Authorization'), options.token)
    return next()
  })
  app.route('/', statsRoutes(repository))
  app.route('/', metricsRoutes(repository.admin))
  app.route('/', pruneRoutes(repository))
  app.route('/', jobRoutes(repository.admin))
  app.route('/', pinRoutes(repository.admin))
  app.route('/', projectRoutes(repository))
  app.route('/', warmRoutes(repository))

  return app
}
