import type { Metrics } from './metrics.ts'
import type { PageValidators, Target, Upstream, UpstreamPage } from './upstream.ts'
import { retry, type RetryPolicy, statusError } from './upstream/retry.ts'

export interface FetchPageParts {
  readonly upstream: Upstream
  readonly policy: RetryPolicy
  readonly metrics: Metrics
  /** Shutdown: what is fetched is for all clients, so that none's leaving ends a request. */
  readonly signal: AbortSignal
}

/**
 * Asks upstream for a page, a list of projects or a metadata file, again where that may help, and counts the bytes. Throws {@link UpstreamError}
 * for trouble on the way, and for a status that `isAnswer` does not take.
 */
export function fetchPage(
  { upstream, policy, metrics, signal }: FetchPageParts,
  target: Target,
  {
    validators = {},
    isAnswer,
  }: { readonly validators?: PageValidators; readonly isAnswer: (status: number) => boolean },
): Promise<UpstreamPage> {
  return retry(policy, signal, async () => {
    const page = await upstream.fetchPage(target, validators, signal)
    metrics.bytesFromUpstream += page.body.length
    if (isAnswer(page.status)) return page
    throw statusError(target.url, page.status, page.retryAfterSeconds)
  })
}
