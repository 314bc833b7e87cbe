import { NO_STORE, READ_HEADERS } from '../routes/headers.ts'
import { RouteError, type RouteErrorCode } from '../routes/errors.ts'
import { reply } from '../routes/reply.ts'
import { ArchiveRefusedError, StorageError, type StorageErrorCode } from '../storage/errors.ts'
import { NoRoomError, UpstreamError, type UpstreamErrorCode } from './errors.ts'

export type ProblemCode = RouteErrorCode | StorageErrorCode | UpstreamErrorCode | 'ERR_INTERNAL'

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** When to come back, where the error does not say. G5: a number, since a date makes poetry fail. */
  readonly retryAfterSeconds?: number
  /** The message tells of the inside: a client gets this instead. */
  readonly detail?: string
}

/**
 * The only place that knows what HTTP makes of an error. Upstream trouble is 502, 503 or 504, never 404: that would send an installer to its
 * next index (G3); never 501, which installers retry (G10).
 */
const KINDS: Readonly<Record<ProblemCode, ProblemKind>> = {
  ERR_AMBIGUOUS: { status: 409, title: 'Several trees have this name' },
  ERR_BAD_REQUEST: { status: 400, title: 'The request is not understood' },
  ERR_BODY_TOO_LARGE: { status: 413, title: 'The request body is too large' },
  ERR_BUSY: { status: 503, title: 'Others send too much just now', retryAfterSeconds: 5 },
  ERR_EXPECTATION_FAILED: { status: 417, title: 'What the request expects cannot be met' },
  ERR_HEAD_TOO_LARGE: { status: 431, title: 'The head of the request is too large' },
  ERR_JOB_RUNNING: { status: 409, title: 'Such a job runs already' },
  ERR_METHOD_NOT_ALLOWED: { status: 405, title: 'This method is not for this URL' },
  ERR_NOT_ACCEPTABLE: { status: 406, title: 'Not available in any of the types asked for' },
  ERR_NOT_FOUND: { status: 404, title: 'Not found' },
  ERR_PINNED: { status: 409, title: 'It is pinned' },
  ERR_RANGE_NOT_SATISFIABLE: { status: 416, title: 'The range lies outside' },
  ERR_REQUEST_TIMEOUT: { status: 408, title: 'The request takes too long' },
  ERR_UNAUTHORIZED: { status: 401, title: 'The admin token is needed' },

  ERR_MALFORMED: { status: 400, title: 'A name or digest is malformed' },
  ERR_ARCHIVE_REFUSED: { status: 422, title: 'No tree is made of this archive' },
  ERR_DIGEST_MISMATCH: { status: 502, title: 'Upstream sent other bytes than it promised' },
  ERR_LENGTH_MISMATCH: { status: 502, title: 'Upstream sent more or fewer bytes than it promised' },
  ERR_BLOB_DAMAGED: {
    status: 500,
    title: 'A stored file is damaged',
    detail: 'Its bytes on the disk are missing or changed.',
  },
  ERR_STORE_FULL: { status: 507, title: 'The store is full', detail: 'No space is left, or the disk is read-only.' },
  ERR_STORE_CHANGED: {
    status: 503,
    title: 'The store changed meanwhile',
    retryAfterSeconds: 1,
    detail: 'What this request relied on was pruned. Ask again.',
  },
  ERR_STORE_FORMAT: {
    status: 500,
    title: 'The store cannot be read',
    detail: 'It has another format, is damaged, or was removed or replaced.',
  },
  ERR_STORE_CLOSED: {
    status: 503,
    title: 'The server is shutting down',
    retryAfterSeconds: 5,
    detail: 'It takes no more work.',
  },
  ERR_SCRUB_RUNNING: { status: 409, title: 'The store is being scrubbed already' },

  ERR_UPSTREAM_UNAVAILABLE: { status: 502, title: 'Upstream cannot be reached' },
  ERR_UPSTREAM_TIMEOUT: { status: 504, title: 'Upstream takes too long' },
  ERR_UPSTREAM_BUSY: { status: 503, title: 'Upstream is busy', retryAfterSeconds: 5 },
  ERR_UPSTREAM_DOWN: {
    status: 503,
    title: 'Upstream is in trouble, and is not asked for a while',
    retryAfterSeconds: 5,
  },
  ERR_UPSTREAM_UNTRUSTED: { status: 502, title: "Upstream's certificate is not trusted" },
  ERR_UPSTREAM_REFUSED: { status: 502, title: 'Upstream refuses to answer' },
  ERR_UPSTREAM_OFFLINE: { status: 503, title: 'Upstream is not asked: the index is offline' },
  ERR_UPSTREAM_PAGE: { status: 502, title: "Upstream's page cannot be read" },
  ERR_UPSTREAM_FILE: { status: 502, title: 'Upstream sent other bytes than it promised' },

  ERR_INTERNAL: {
    status: 500,
    title: 'Something went wrong in the server',
    detail: 'The log of the server has more under the request id.',
  },
}

/** RFC 9457, as a client gets it. */
export interface Problem {
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
  /** Members of this kind of problem. */
  readonly extensions: Readonly<Record<string, unknown>>
}

/** What a client is told of an error; of one that we do not know, nothing. */
export function problemOf(error: unknown): Problem {
  const code = codeOf(error)
  const kind = KINDS[code]
  const retryAfter = (error instanceof UpstreamError ? error.retryAfterSeconds : undefined) ?? kind.retryAfterSeconds
  return {
    code,
    status: kind.status,
    title: kind.title,
    detail: (error instanceof NoRoomError ? undefined : kind.detail) ?? (error instanceof Error ? error.message : ''),
    headers: {
      ...(error instanceof RouteError ? error.headers : {}),
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter))) }),
    },
    extensions: extensionsOf(error),
  }
}

/** `requestId` is what the log has it under. Readable for scripts of any origin, as what it takes the place of. */
export function renderProblem(problem: Problem, requestId: string): Response {
  const { status, title, detail, code } = problem
  const type = `urn:arbor:problem:${code}`
  return reply(
    `${JSON.stringify({ type, title, status, detail, code, ...problem.extensions, requestId })}\n`,
    {
      ...READ_HEADERS,
      'Content-Type': 'application/problem+json',
      'Cache-Control': NO_STORE,
      'X-Request-Id': requestId,
      ...problem.headers,
    },
    status,
  )
}

function codeOf(error: unknown): ProblemCode {
  if (error instanceof RouteError || error instanceof StorageError || error instanceof UpstreamError) return error.code
  return 'ERR_INTERNAL'
}

function extensionsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof RouteError) return error.extensions
  if (!(error instanceof ArchiveRefusedError)) return {}
  const { reason, path } = error
  return path === undefined ? { reason } : { reason, path }
}
