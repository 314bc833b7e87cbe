import { Hono } from 'hono'
import { type Digest, parseDigest } from '../storage/digest.ts'
import { ARCHIVE_FORMS, LASTING, sendArchive } from './archives.ts'
import { sendContent } from './body.ts'
import type { Exchange, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { parsePath } from './path.ts'
import { replyPending, waitingOptionsOf } from './pending.ts'
import type { Repository } from './repository.ts'
import { fileOptionsOf } from './request-options.ts'
import { sendManifest } from './trees.ts'

/** A wheel by what it hashes to, whatever its name and wherever it was seen, and the tree it unpacks to. */
export function wheelRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/wheels/:digest', async (c) => {
    const { digest, text } = parseAddress(c)
    const wheel = await repository.findWheel(digest, fileOptionsOf(c))
    if (wheel === undefined) throw notFound(`wheel ${text}`)
    return sendContent(c, wheel, { contentType: 'application/octet-stream', cacheControl: IMMUTABLE })
  })

  app.get('/wheels/:digest/tree', async (c) => {
    const { digest, text } = parseAddress(c)
    const manifest = expect(await repository.findTreeOfWheel(digest, waitingOptionsOf(c)), text)
    return manifest === 'pending' ? replyPending() : sendManifest(c, manifest, { cacheControl: IMMUTABLE })
  })

  for (const form of ARCHIVE_FORMS) {
    app.get(`/wheels/:digest/tree.${form}`, async (c) => {
      const { digest, text } = parseAddress(c)
      const archive = expect(await repository.findTreeArchiveOfWheel(digest, form, waitingOptionsOf(c)), text)
      if (archive === 'pending') return replyPending()
      return sendArchive(c, archive, { form, cacheControl: form === 'tar.zst' ? LASTING : IMMUTABLE })
    })
  }

  return app
}

function parseAddress(c: Exchange): { readonly digest: Digest; readonly text: string } {
  const [, text = ''] = parsePath(c.req.raw.url)
  return { digest: parseDigest(text), text }
}

function expect<Found>(found: Found | undefined, text: string): Found {
  if (found === undefined) throw notFound(`wheel ${text}`)
  return found
}
