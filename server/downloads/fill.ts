import { UpstreamError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import { redactUrl } from '../redact.ts'
import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import type { RetryPolicy } from '../upstream/retry.ts'
import type { Spool } from '../../storage/spool.ts'
import { openFile } from './open-file.ts'

/** A break is counted from zero again if this many bytes came since the last one: so a long file gets through a flaky line, and no loop goes on for ever. */
const PROGRESS_BYTES = 1 << 20

interface FillOptions {
  readonly policy: RetryPolicy
  readonly signal: AbortSignal
  readonly metrics: Metrics
  /** No digest will tell whether all bytes are of one version, so it is resumed only where upstream's validator says so. */
  readonly isUnhashed?: boolean | undefined
}

/**
 * Pours `response` into `spool` until all is there. A connection that breaks, stalls or ends early is taken up again where it stopped, by a
 * range; an upstream that sends the whole again is compared with what readers already have. Throws {@link UpstreamError} when that fails,
 * and whatever the spool throws.
 */
export async function fill(
  spool: Spool,
  response: UpstreamFile,
  source: { readonly upstream: Upstream; readonly target: Target },
  options: FillOptions,
): Promise<void> {
  let current = response
  let brokenAt = 0
  for (let breaks = 0; ; breaks += 1) {
    try {
      await pour(spool, current, source.target.url, options)
      return
    } catch (error) {
      options.signal.throwIfAborted()
      const isBroken = error instanceof UpstreamError && error.code !== 'ERR_UPSTREAM_FILE'
      // The connection broke behind the last byte: nothing is left to ask for, and the digests will tell.
      if (isBroken && spool.received === spool.size) return
      if (spool.received - brokenAt >= PROGRESS_BYTES) breaks = 0
      brokenAt = spool.received
      if (!isBroken || breaks >= options.policy.retries) throw error
    }
    current = await reopen(spool, response.validator, source, options)
    options.metrics.downloads.resumed += 1
  }
}

async function reopen(
  spool: Spool,
  validator: string | undefined,
  { upstream, target }: { readonly upstream: Upstream; readonly target: Target },
  options: FillOptions,
): Promise<UpstreamFile> {
  const { isUnhashed = false } = options
  const file = await openFile(upstream, target, options.policy, {
    from: isUnhashed && validator === undefined ? 0 : spool.received,
    to: spool.size === undefined ? undefined : spool.size - 1,
    ifRange: validator,
    signal: options.signal,
  })
  if (file === undefined) throw changed(target.url, 'is gone')
  const isElsewhere = file.status === 206 && file.first !== spool.received
  const isOtherVersion = isUnhashed && file.status === 206 && file.validator !== validator
  const isOtherSize = file.size !== undefined && spool.size !== undefined && file.size !== spool.size
  if (isElsewhere || isOtherVersion || isOtherSize) {
    file.discard()
    throw changed(target.url, 'is not the file that it was')
  }
  return file
}

async function pour(spool: Spool, response: UpstreamFile, url: string, options: FillOptions): Promise<void> {
  let position = response.first
  for await (const chunk of response.body) {
    options.signal.throwIfAborted()
    options.metrics.bytesFromUpstream += chunk.length
    const known = Math.max(0, Math.min(chunk.length, spool.received - position))
    if (known > 0 && !(await spool.matches(chunk.subarray(0, known), position))) {
      throw changed(url, 'is not the file that it was')
    }
    if (known < chunk.length) await spool.append(chunk.subarray(known))
    position += chunk.length
  }
  const expected = spool.size ?? spool.received
  if (position < expected) {
    throw new UpstreamError(
      'ERR_UPSTREAM_UNAVAILABLE',
      `${redactUrl(url)} ended after ${position} of ${expected} bytes`,
    )
  }
}

function changed(url: string, how: string): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_FILE', `${redactUrl(url)} ${how} when the download was resumed`)
}
