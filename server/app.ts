import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { adminRoutes } from '../routes/admin/admin-routes.ts'
import { blobRoutes } from '../routes/blobs.ts'
import type { Exchange, NodeContext, NodeEnv } from '../routes/env.ts'
import { notFound, RouteError } from '../routes/errors.ts'
import { fileRoutes } from '../routes/files.ts'
import { PREFLIGHT_HEADERS } from '../routes/headers.ts'
import { healthRoutes } from '../routes/health.ts'
import { homeRoutes, type OfferedIndex } from '../routes/home.ts'
import { type AnswerKnown, knownAnswers } from '../routes/known-answers.ts'
import { lookupRoutes } from '../routes/lookup.ts'
import { LiteralFirstRouter } from '../routes/router.ts'
import { missingRoutes } from '../routes/missing.ts'
import type { Repository } from '../routes/repository.ts'
import { Shortcuts } from '../routes/shortcuts.ts'
import { simpleRoutes } from '../routes/simple.ts'
import { treeRoutes } from '../routes/trees.ts'
import { wheelRoutes } from '../routes/wheels.ts'
import { problemOf, renderProblem } from './problems.ts'
import { requestIdOf } from './request-id.ts'

export interface AppOptions {
  readonly repository: Repository
  /** Without one, nobody gets into /admin. */
  readonly adminToken: string | undefined
  /** For the front page, in its order. */
  readonly indexes?: readonly OfferedIndex[] | undefined
  /** For pages as they are sent. */
  readonly pageMemoryBytes?: number | undefined
  /** Finds where to upload instead, by the name of the index in the URL; undefined: the default one. */
  readonly uploads?: { find(index: string | undefined): string | undefined } | undefined
  readonly log?: AppLog
}

/** What answers requests; see server/listen.ts. */
export type App = Hono<NodeEnv> & { readonly answerKnown: AnswerKnown }

/** Gets what no client is told; a pino logger is one. */
export interface AppLog {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * All routes as one application. Public routes have no middleware, since hono calls a single handler straight away, which is faster: so each response
 * is made with the headers that all share.
 */
export function createApp(options: AppOptions): App {
  const { repository, log } = options
  const shortcuts = new Shortcuts()
  const answerKnown = knownAnswers(shortcuts, (error, c) => answerError(error, c, log))
  const app = Object.assign(new Hono<NodeEnv>({ router: new LiteralFirstRouter() }), { answerKnown })
  app.route('/', simpleRoutes(repository, shortcuts, { memoryBytes: options.pageMemoryBytes }))
  app.route('/', fileRoutes(repository, shortcuts))
  app.route('/', wheelRoutes(repository))
  app.route('/', treeRoutes(repository, shortcuts))
  app.route('/', missingRoutes(repository))
  app.route('/', blobRoutes(repository, shortcuts))
  app.route('/', lookupRoutes(repository))
  app.route('/', adminRoutes(repository, { token: options.adminToken }))
  app.route('/', healthRoutes())
  app.route('/', homeRoutes(options.indexes ?? []))

  app.notFound((c) => answerUnrouted(app, c, options.uploads))
  app.onError((error, c) => answerError(error, c, log))
  refuseDotSegments(app)
  return app
}

/** `.` or `..` as a component of a path, however it is escaped. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/?#]|$)/i

/**
 * A14: a URL parser resolves `..` before anything can be routed by it, so that a project of that name would be some other page. No
 * client of ours sends one.
 */
function refuseDotSegments(app: App): void {
  const route = app.fetch
  app.fetch = (request, env, context) => {
    const incoming = env !== undefined && 'incoming' in env ? env.incoming : undefined
    const target = incoming?.url ?? ''
    const isSuspect = target.includes('/.') || target.includes('%2e') || target.includes('%2E')
    if (incoming === undefined || !isSuspect || !DOT_SEGMENT.test(target.split('?', 1)[0] ?? '')) {
      return route(request, env, context)
    }
    return renderProblem(problemOf(notFound('path with "." or ".." in it')), requestIdOf(incoming))
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What no route took: a method that this path does not have, a browser's preflight, or nothing of ours. */
function answerUnrouted(app: App, c: NodeContext, uploads: AppOptions['uploads']): Response {
  if (c.req.method === 'POST' || c.req.method === 'PUT') refuseUpload(c, uploads)
  const methods = METHODS.filter((method) => hasRoute(app, method, c.req.path))
  if (methods.length === 0) throw notFound(`page ${JSON.stringify(c.req.path)}`)
  const isPublic = methods.includes('GET') && !c.req.path.startsWith('/admin/')
  const forGet = isPublic ? ['GET', 'HEAD', 'OPTIONS'] : ['GET', 'HEAD']
  const Allow = methods.flatMap((method) => (method === 'GET' ? forGet : [method])).join(', ')
  if (c.req.method === 'OPTIONS' && isPublic) {
    return new Response(null, {
      status: 204,
      headers: { Allow, 'Access-Control-Allow-Methods': Allow, ...PREFLIGHT_HEADERS },
    })
  }
  throw new RouteError('ERR_METHOD_NOT_ALLOWED', `Allowed here: ${Allow}.`, { headers: { Allow } })
}

/** Where twine and uv publish to: the index itself, or `/legacy/` beside it. */
const UPLOAD_PATH = /^\/(?:([^/]+)\/)?(?:simple|legacy)(?:\/|$)|^\/$/

/** J1: says where to upload instead. */
function refuseUpload(c: NodeContext, uploads: AppOptions['uploads']): void {
  const path = UPLOAD_PATH.exec(c.req.path)
  const url = path === null ? undefined : uploads?.find(path[1])
  if (url === undefined) return
  throw new RouteError('ERR_METHOD_NOT_ALLOWED', `This is a proxy, which takes no uploads. Upload to ${url} instead.`, {
    headers: { Allow: 'GET, HEAD, OPTIONS' },
  })
}

/** Middleware is registered for all methods, and is no route. */
function hasRoute(app: App, method: string, path: string): boolean {
  return app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
}

function answerError(error: unknown, c: Exchange, log: AppLog | undefined): Response {
  const { incoming, outgoing } = c.env
  const requestId = requestIdOf(incoming)
  const request = { requestId, method: incoming.method, path: new URL(c.req.raw.url).pathname }
  if (outgoing.headersSent) {
    log?.warn({ ...request, err: error }, 'response broken off')
    return RESPONSE_ALREADY_SENT
  }
  // The client has left: nobody is there to be told.
  if (c.req.raw.signal.aborted) return RESPONSE_ALREADY_SENT
  const problem = problemOf(error)
  const { status, code, detail } = problem
  // Upstream's trouble, which the detail tells in full. A stack of ours would say nothing more, with each request again.
  if (status >= 502 && status <= 504) log?.warn({ ...request, status, code, reason: detail }, problem.title)
  else if (status >= 500) log?.error({ ...request, status, err: error }, problem.title)
  return renderProblem(problem, requestId)
}
