/** What can be wrong with a request itself; what a repository throws has codes of its own. */
export type RouteErrorCode =
  | 'ERR_AMBIGUOUS'
  | 'ERR_BAD_REQUEST'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_BUSY'
  | 'ERR_EXPECTATION_FAILED'
  | 'ERR_HEAD_TOO_LARGE'
  | 'ERR_JOB_RUNNING'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_NOT_ACCEPTABLE'
  | 'ERR_NOT_FOUND'
  | 'ERR_PINNED'
  | 'ERR_RANGE_NOT_SATISFIABLE'
  | 'ERR_REQUEST_TIMEOUT'
  | 'ERR_UNAUTHORIZED'

/** A request that gets no answer but a problem (RFC 9457). The message is shown to the client. */
export class RouteError extends Error {
  readonly code: RouteErrorCode
  /** Headers that the response needs: `Allow`, `Content-Range`, `WWW-Authenticate`. */
  readonly headers: Readonly<Record<string, string>>
  /** Members that the problem has beside the usual ones. */
  readonly extensions: Readonly<Record<string, unknown>>

  constructor(
    code: RouteErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly headers?: Readonly<Record<string, string>>
      readonly extensions?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message, options)
    this.code = code
    this.headers = options.headers ?? {}
    this.extensions = options.extensions ?? {}
  }
}

/** What was asked for is not there. `what` is a noun with its name: `the wheel sha256:…`. */
export function notFound(what: string): RouteError {
  return new RouteError('ERR_NOT_FOUND', `There is no ${what} here.`)
}
