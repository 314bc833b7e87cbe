import { setTimeout as delay } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'
import { redactUrl } from '../redact.ts'
import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import { WAITED_OUT_SECONDS } from '../upstream/headers.ts'

export interface RetryPolicy {
  /** How often a request is sent again after a failure that may pass. */
  readonly retries: number
  /** Before the first retry, milliseconds; doubled for each further one, with jitter. */
  readonly retryDelayMs: number
}

interface OpenOptions {
  readonly from: number
  /** The last byte, where the length is known: some servers take only ranges that say both (protocol.md H7). */
  readonly to?: number | undefined
  readonly ifRange: string | undefined
  readonly signal: AbortSignal
}

/**
 * Opens a file on its upstream, trying again where that may help. Where a part is asked for, the whole may come: upstream may take no ranges, or
 * have none there. Undefined: upstream has no such file. Throws {@link UpstreamError}.
 */
export async function openFile(
  upstream: Upstream,
  target: Target,
  policy: RetryPolicy,
  options: OpenOptions,
): Promise<UpstreamFile | undefined> {
  return retry(policy, options.signal, async () => {
    const part = options.from === 0 ? undefined : { from: options.from, to: options.to, ifRange: options.ifRange }
    let file = await upstream.openFile(target, part, options.signal)
    if (part !== undefined && isNoPart(file)) {
      file.discard()
      file = await upstream.openFile(target, undefined, options.signal)
    }
    // A part though the whole was asked for is a fault, but can be gone on from if it is the first.
    const isUsable = part === undefined ? file.first === 0 : !Number.isNaN(file.first)
    if (file.status === 200 || (file.status === 206 && isUsable)) return file
    file.discard()
    if (isAbsence(target, file.status)) return undefined
    throw statusError(target.url, file.status, file.retryAfterSeconds)
  })
}

/** It has nothing there, as where all came but the end of a body of unknown length; or does not say what it sends (RFC 9110 §15.3.7.1). */
function isNoPart({ status, first }: UpstreamFile): boolean {
  return status === 416 || (status === 206 && Number.isNaN(first))
}

/** Does this status mean that there is no such thing? */
export function isAbsence({ notFoundStatuses = [] }: Target, status: number): boolean {
  return status === 404 || status === 410 || notFoundStatuses.includes(status)
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
      // Somebody waits for this answer.
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

/** What a status means that is neither success nor absence. */
export function statusError(url: string, status: number, retryAfterSeconds: number | undefined): UpstreamError {
  const remedy = status === 401 ? ': are the credentials of this index right?' : ''
  const message = `${redactUrl(url)} answered ${status}${remedy}`
  if (status === 429 || (status === 503 && retryAfterSeconds !== undefined)) {
    return new UpstreamError('ERR_UPSTREAM_BUSY', message, { retryAfterSeconds })
  }
  if (status >= 400 && status < 500) return new UpstreamError('ERR_UPSTREAM_REFUSED', message)
  return new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', message)
}
