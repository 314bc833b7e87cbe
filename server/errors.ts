import { StoreFullError } from '../storage/errors.ts'

/** What can go wrong between us and an upstream. Never 404 for the client: that would send an installer to its next index. */
export type UpstreamErrorCode =
  /** It cannot be reached, or answers 5xx beyond all retries. */
  | 'ERR_UPSTREAM_UNAVAILABLE'
  /** It takes too long to answer, or to send the next byte. */
  | 'ERR_UPSTREAM_TIMEOUT'
  /** It asks us to come back later (429, 503 with Retry-After). */
  | 'ERR_UPSTREAM_BUSY'
  /** It was in trouble just now, and is left alone for a while. */
  | 'ERR_UPSTREAM_DOWN'
  /** Its certificate proves nothing. */
  | 'ERR_UPSTREAM_UNTRUSTED'
  /** It refuses us (401, 403, a redirect that we must not follow). */
  | 'ERR_UPSTREAM_REFUSED'
  /** Its project page cannot be read, or is beyond all limits. */
  | 'ERR_UPSTREAM_PAGE'
  /** It may not be asked, by configuration. */
  | 'ERR_UPSTREAM_OFFLINE'
  /** It sent other bytes than its page promised, or fewer. */
  | 'ERR_UPSTREAM_FILE'

/** Upstream trouble. `url` in the message is redacted: no credentials, no query. */
export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options: ErrorOptions & { readonly retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, options)
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** There is no room for a file by our own reckoning: the message names no path, so that it may be shown to anybody. */
export class NoRoomError extends StoreFullError {}
