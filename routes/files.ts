import { Hono } from 'hono'
import { sendContent } from './body.ts'
import type { NodeContext, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import type { FileReference, Repository } from './repository.ts'
import { parseFileUrl } from './urls.ts'

/** Distributions, and the metadata beside a wheel (PEP 658), at the URLs that our project pages publish. */
export function fileRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/files/:index/:sha256/:filename', async (c) => {
    const { reference, isMetadata } = parseFileUrl(c.req.raw.url)
    if (!repository.hasIndex(reference.index)) throw notFound(`index ${reference.index}`)
    return isMetadata ? sendMetadata(c, repository, reference) : sendFile(c, repository, reference)
  })

  return app
}

async function sendFile(c: NodeContext, repository: Repository, reference: FileReference): Promise<Response> {
  const { signal } = c.req.raw
  const part = c.req.header('Range') !== undefined
  const file = await repository.findFile(reference, { signal, describe: c.req.method === 'HEAD', part })
  if (file === undefined) throw notFound(`file ${reference.filename}`)
  return sendContent(c, file, { contentType: 'application/octet-stream', cacheControl: cacheControlOf(reference) })
}

async function sendMetadata(c: NodeContext, repository: Repository, reference: FileReference): Promise<Response> {
  const metadata = await repository.findMetadata(reference, { signal: c.req.raw.signal })
  if (metadata === undefined) throw notFound(`metadata of ${reference.filename}`)
  return sendContent(c, metadata, { contentType: 'text/plain; charset=utf-8', cacheControl: cacheControlOf(reference) })
}

/** E17: where the URL does not carry the SHA-256, upstream may overwrite the file in place. */
function cacheControlOf({ sha256 }: FileReference): string {
  return sha256 === undefined ? REVALIDATE : IMMUTABLE
}
