import { Hono } from 'hono'
import { andThen } from '../storage/at-hand.ts'
import { parseDigest } from '../storage/digest.ts'
import { sendContent } from './body.ts'
import { StandingReply } from './content-headers.ts'
import type { NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { parsePath } from './path.ts'
import type { Repository } from './repository.ts'
import { fileOptionsOf } from './request-options.ts'
import type { Answer, Shortcuts } from './shortcuts.ts'

/** Any bytes by their digest: distributions, those too that an index lists, files of trees, manifests. */
export function blobRoutes(repository: Repository, shortcuts: Shortcuts): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  const read = (url: string): Answer => {
    const [, text = ''] = parsePath(url)
    const digest = parseDigest(text)
    const reply = new StandingReply({ contentType: 'application/octet-stream', cacheControl: IMMUTABLE })
    return (c) =>
      andThen(repository.findBlob(digest, fileOptionsOf(c)), (blob) => {
        if (blob === undefined) throw notFound(`blob ${text}`)
        return sendContent(c, blob, reply)
      })
  }
  app.get('/blobs/:digest', shortcuts.route(read))

  return app
}
