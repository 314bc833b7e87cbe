import { Hono } from 'hono'
import { type IndexName, parseIndexName } from '../../storage/names.ts'
import { WARM_FORMATS, type WarmFormat } from '../administration.ts'
import type { NodeEnv } from '../env.ts'
import { notFound } from '../errors.ts'
import type { Repository } from '../repository.ts'
import { badRequest, limitBody } from '../request-body.ts'
import { replyJob } from './private-reply.ts'

/** The longest lock files that people have take up half of it. */
const MAX_LIST_BYTES = 8 * 1024 * 1024

/** Fetches what a lock file lists before anybody asks for it. */
export function warmRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.post('/admin/warm', limitBody(MAX_LIST_BYTES), async (c) => {
    const index = findIndex(repository, c.req.query('index'))
    const format = parseFormat(c.req.query('format'))
    const text = decode(await c.req.arrayBuffer())
    return replyJob(repository.admin.startWarm({ index, format, text }))
  })

  return app
}

function findIndex(repository: Repository, name: string | undefined): IndexName {
  if (name === undefined) return repository.defaultIndex
  const index = parseIndexName(name)
  if (!repository.hasIndex(index)) throw notFound(`index ${index}`)
  return index
}

function parseFormat(text: string | undefined): WarmFormat | undefined {
  if (text === undefined) return undefined
  const format = WARM_FORMATS.find((known) => known === text)
  if (format === undefined) throw badRequest(`"format" is one of ${WARM_FORMATS.join(', ')}.`)
  return format
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw badRequest('The list is not UTF-8.', { cause })
  }
}
