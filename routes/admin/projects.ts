import { Hono } from 'hono'
import { parseDigest, type Sha256 } from '../../storage/digest.ts'
import { type IndexName, parseIndexName, parseProjectName } from '../../storage/names.ts'
import type { Forgettable } from '../administration.ts'
import type { NodeEnv } from '../env.ts'
import { notFound } from '../errors.ts'
import type { Repository } from '../repository.ts'
import { badRequest, limitJson, parseJsonBody } from '../request-body.ts'
import { replyPrivately } from './private-reply.ts'

/** What is kept of one project: to ask for its page again, and to forget it. */
export function projectRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.post('/admin/refresh', limitJson, async (c) => {
    const { index, project } = parseJsonBody(await c.req.text(), ['index', 'project'])
    const name = parseProjectName(requireText(project, 'project'))
    const pages = await repository.admin.refresh(findIndex(repository, index) ?? repository.defaultIndex, name)
    return replyPrivately({ pages })
  })
  app.post('/admin/forget', limitJson, async (c) => {
    const forgettable = parseForget(repository, await c.req.text())
    const forgotten = await repository.admin.forget(forgettable)
    if (forgotten === undefined) throw notFound(describe(forgettable))
    return replyPrivately(forgotten)
  })

  return app
}

/** `{"project": …}`, `{"page": …}` (both with `"index"`, or of all indexes) or `{"sha256": …}`. */
function parseForget(repository: Repository, text: string): Forgettable {
  const { index, project, page, sha256 } = parseJsonBody(text, ['index', 'project', 'page', 'sha256'])
  if ([project, page, sha256].filter((value) => value !== undefined).length !== 1) {
    throw badRequest('Say what to forget: one of "project", "page" and "sha256".')
  }
  if (sha256 !== undefined) {
    if (index !== undefined) throw badRequest('"index" goes with "project" or "page": the same bytes are stored once.')
    return { kind: 'distribution', sha256: parseSha256Digest(requireText(sha256, 'sha256')) }
  }
  const kind = project === undefined ? 'page' : 'project'
  return { kind, project: parseProjectName(requireText(project ?? page, kind)), index: findIndex(repository, index) }
}

function findIndex(repository: Repository, value: unknown): IndexName | undefined {
  if (value === undefined) return undefined
  const index = parseIndexName(requireText(value, 'index'))
  if (!repository.hasIndex(index)) throw notFound(`index ${index}`)
  return index
}

function parseSha256Digest(text: string): Sha256 {
  const digest = parseDigest(text)
  if (digest.algorithm !== 'sha256') throw badRequest('"sha256" is a text such as "sha256:<64 hex digits>".')
  return digest.hex
}

function requireText(value: unknown, key: string): string {
  if (typeof value !== 'string') throw badRequest(`"${key}" is a text, and needed.`)
  return value
}

function describe(forgettable: Forgettable): string {
  if (forgettable.kind === 'distribution') return `distribution sha256:${forgettable.sha256}`
  return forgettable.kind === 'page' ? `page of ${forgettable.project}` : `trace of ${forgettable.project}`
}
