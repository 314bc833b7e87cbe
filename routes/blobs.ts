import { Hono } from 'hono'
import { parseDigest } from '../storage/digest.ts'
import { sendContent } from './body.ts'
import type { NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { parsePath } from './path.ts'
import type { Repository } from './repository.ts'

/** Any stored bytes by their digest: distributions, files of trees, manifests. */
export function blobRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/blobs/:digest', async (c) => {
    const [, digest = ''] = parsePath(c.req.raw.url)
    const blob = await repository.findBlob(parseDigest(digest), { signal: c.req.raw.signal })
    if (blob === undefined) throw notFound(`blob ${digest}`)
    return sendContent(c, blob, { contentType: 'application/octet-stream', cacheControl: IMMUTABLE })
  })

  return app
}
