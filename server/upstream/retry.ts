import { setTimeout as delay } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'
import { redactUrl } from '../redact.ts'
import { WAITED_OUT_SECONDS } from './headers.ts'
import type { Target } from './target.ts'

export interface RetryPolicy {
  /** How often a request is sent again after a failure that may pass. */
  readonly retries: number
  /** Before the first retry, milliseconds; doubled for each further one, with jitter. */
  readonly retryDelayMs: number
}

/** Runs `attempt` until it succeeds, fails for good, or has failed `retries` times more than once. */
export async function retry<Value>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: () => Promise<Value>,
): Promise<Value> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (failures >= policy.retries || !isWorthRetrying(error)) throw error
      const { retryAfterSeconds = 0 } = error
      const backoff = policy.retryDelayMs * 2 ** failures * (0.5 + Math.random())
      // A client is waiting: a long Retry-After is passed on to it instead.
      if (retryAfterSeconds > WAITED_OUT_SECONDS) throw error
      await delay(Math.max(retryAfterSeconds * 1000, backoff), undefined, { signal })
    }
  }
}

function isWorthRetrying(error: unknown): error is UpstreamError {
  return (
    error instanceof UpstreamError && (error.code === 'ERR_UPSTREAM_UNAVAILABLE' || error.code === 'ERR_UPSTREAM_BUSY')
  )
}

/** Does this status mean that there is no such thing? */
export function isAbsence({ notFoundStatuses = [] }: Target, status: number): boolean {
  return status === 404 || status === 410 || notFoundStatuses.includes(status)
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: ': are the credentials of this index right?',
  403: ': are the credentials of this index right? If it says so of what it does not have, see not-found-statuses',
}

/** The error for a status that is neither success nor absence. */
export function statusError(url: string, status: number, retryAfterSeconds: number | undefined): UpstreamError {
  const message = `${redactUrl(url)} answered ${status}${REMEDIES[status] ?? ''}`
  if (status === 429 || (status === 503 && retryAfterSeconds !== undefined)) {
    return new UpstreamError('ERR_UPSTREAM_BUSY', message, { retryAfterSeconds })
  }
  if (status >= 400 && status < 500) return new UpstreamError('ERR_UPSTREAM_REFUSED', message)
  return new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', message)
}
