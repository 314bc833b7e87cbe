import { Hono } from 'hono'
import { parseDigest } from '../storage/digest.ts'
import type { NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { REVALIDATE } from './headers.ts'
import { parsePath } from './path.ts'
import { replyJson } from './reply.ts'
import type { Repository, WheelRecord } from './repository.ts'

/** What is known by a digest, whichever of its names is at hand. */
export function lookupRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/lookup/:digest', async (c) => {
    const [, digest = ''] = parsePath(c.req.raw.url)
    const wheels = await repository.lookup(parseDigest(digest), { signal: c.req.raw.signal })
    if (wheels.length === 0) throw notFound(`wheel or tree ${digest}`)
    return replyJson({ wheels: wheels.map(renderWheel) }, { 'Cache-Control': REVALIDATE })
  })

  return app
}

/** As in {@link WheelRecord}, with every digest as `algorithm:hex`; a dirhash is none, but uv's own hash of a directory. */
function renderWheel({ sha256, blake3, size, seen, tree }: WheelRecord): object {
  return {
    sha256: `sha256:${sha256}`,
    blake3: `blake3:${blake3}`,
    size,
    seen,
    tree: tree.state === 'unpacked' ? { ...tree, id: `blake3:${tree.id}` } : tree,
  }
}
