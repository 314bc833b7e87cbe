import { Hono } from 'hono'
import { andThen } from '../storage/at-hand.ts'
import { sendContent } from './body.ts'
import { type ContentReply, StandingReply } from './content-headers.ts'
import type { NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import type { FileReference, Repository } from './repository.ts'
import { fileOptionsOf } from './request-options.ts'
import type { Answer, Shortcuts } from './shortcuts.ts'
import { parseFileUrl } from './urls.ts'

/** Distributions, and the metadata beside a wheel (PEP 658), at the URLs that our project pages publish. */
export function fileRoutes(repository: Repository, shortcuts: Shortcuts): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  const read = (url: string): Answer => {
    const { reference, isMetadata } = parseFileUrl(url)
    if (!repository.hasIndex(reference.index)) throw notFound(`index ${reference.index}`)
    return isMetadata ? metadataAnswer(repository, reference) : fileAnswer(repository, reference)
  }
  app.get('/files/:index/:sha256/:filename', shortcuts.route(read))

  return app
}

function fileAnswer(repository: Repository, reference: FileReference): Answer {
  const meter = repository.meterFile(reference)
  const reply = new StandingReply({ ...replyOf(reference, 'application/octet-stream'), meter })
  return (c) =>
    andThen(repository.findFile(reference, fileOptionsOf(c)), (file) => {
      if (file === undefined) throw notFound(`file ${reference.filename}`)
      return sendContent(c, file, reply)
    })
}

function metadataAnswer(repository: Repository, reference: FileReference): Answer {
  const reply = new StandingReply(replyOf(reference, 'text/plain; charset=utf-8'))
  return (c) =>
    andThen(repository.findMetadata(reference), (metadata) => {
      if (metadata === undefined) throw notFound(`metadata of ${reference.filename}`)
      return sendContent(c, metadata, reply)
    })
}

/** E17: where the URL does not carry the SHA-256, upstream may overwrite the file in place. */
function replyOf({ sha256 }: FileReference, contentType: string): ContentReply {
  return { contentType, cacheControl: sha256 === undefined ? REVALIDATE : IMMUTABLE }
}
