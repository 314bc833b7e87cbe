import { Hono } from 'hono'
import { parseDigest } from '../storage/digest.ts'
import { sendContent } from './body.ts'
import type { NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { parsePath } from './path.ts'
import type { Repository } from './repository.ts'
import { sendManifest } from './trees.ts'

/** A wheel by what it hashes to, whatever its name and wherever it was seen, and the tree it unpacks to. */
export function wheelRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/wheels/:digest', async (c) => {
    const [, digest = ''] = parsePath(c.req.raw.url)
    const wheel = await repository.findWheel(parseDigest(digest), { signal: c.req.raw.signal })
    if (wheel === undefined) throw notFound(`wheel ${digest}`)
    return sendContent(c, wheel, { contentType: 'application/octet-stream', cacheControl: IMMUTABLE })
  })

  app.get('/wheels/:digest/tree', async (c) => {
    const [, digest = ''] = parsePath(c.req.raw.url)
    const manifest = await repository.findTreeOfWheel(parseDigest(digest), { signal: c.req.raw.signal })
    if (manifest === undefined) throw notFound(`wheel ${digest}`)
    return sendManifest(c, manifest, { 'Content-Location': `/trees/blake3:${manifest.tree.id}` })
  })

  app.get('/wheels/:digest/tree.tar.gz', async (c) => {
    const [, digest = ''] = parsePath(c.req.raw.url)
    const archive = await repository.findTreeArchive(parseDigest(digest), { signal: c.req.raw.signal })
    if (archive === undefined) throw notFound(`wheel ${digest}`)
    return sendContent(c, archive, { contentType: 'application/gzip', cacheControl: IMMUTABLE })
  })

  return app
}
