import { Hono } from 'hono'
import { type Digest, parseDigest } from '../storage/digest.ts'
import { ARCHIVE_FORMS, LASTING, sendArchive } from './archives.ts'
import { sendContent } from './body.ts'
import type { Exchange, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { LazyOptions } from './lazy-options.ts'
import { parsePath } from './path.ts'
import { prefersAsync } from './prefer.ts'
import { replyJson } from './reply.ts'
import type { Pending, Repository, WheelTreeOptions } from './repository.ts'
import { sendManifest } from './trees.ts'

/** How soon a client should ask again for a tree that is being made, seconds: most take less. */
const RETRY_AFTER = '1'

/** A wheel by what it hashes to, whatever its name and wherever it was seen, and the tree it unpacks to. */
export function wheelRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/wheels/:digest', async (c) => {
    const { digest, text } = parseAddress(c)
    const wheel = await repository.findWheel(digest, new LazyOptions(c))
    if (wheel === undefined) throw notFound(`wheel ${text}`)
    return sendContent(c, wheel, { contentType: 'application/octet-stream', cacheControl: IMMUTABLE })
  })

  app.get('/wheels/:digest/tree', async (c) => {
    const { digest, text } = parseAddress(c)
    const manifest = expect(await repository.findTreeOfWheel(digest, optionsOf(c)), text)
    return manifest === 'pending' ? replyPending() : sendManifest(c, manifest, { cacheControl: IMMUTABLE })
  })

  for (const form of ARCHIVE_FORMS) {
    app.get(`/wheels/:digest/tree.${form}`, async (c) => {
      const { digest, text } = parseAddress(c)
      const archive = expect(await repository.findTreeArchiveOfWheel(digest, form, optionsOf(c)), text)
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

function optionsOf(c: Exchange): WheelTreeOptions {
  return { signal: c.req.raw.signal, respondAsync: prefersAsync(c.env.incoming.headers['prefer']?.toString()) }
}

function expect<Found>(found: Found | undefined, text: string): Found {
  if (found === undefined) throw notFound(`wheel ${text}`)
  return found
}

/** RFC 7240 §4.1. */
function replyPending(): Response {
  const state: Pending = 'pending'
  return replyJson({ state }, { 'Retry-After': RETRY_AFTER, 'Preference-Applied': 'respond-async' }, 202)
}
