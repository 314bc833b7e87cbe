import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import { isAbsence, retry, type RetryPolicy, statusError } from '../upstream/retry.ts'

interface OpenOptions {
  readonly from: number
  /** The last byte, where the length is known: some servers take only ranges that say both (H7). */
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
    // A 206 to a request without a range is a fault, but of use if it begins with the first byte.
    const isUsable = part === undefined ? file.first === 0 : !Number.isNaN(file.first)
    if (file.status === 200 || (file.status === 206 && isUsable)) return file
    file.discard()
    if (isAbsence(target, file.status)) return undefined
    throw statusError(target.url, file.status, file.retryAfterSeconds)
  })
}

/**
 * 416: nothing follows there, as where only the end of a body of unknown length was missing. Or a 206 that does not say which part it has
 * (RFC 9110 §15.3.7.1).
 */
function isNoPart({ status, first }: UpstreamFile): boolean {
  return status === 416 || (status === 206 && Number.isNaN(first))
}
