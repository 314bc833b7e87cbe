/** The headers of a response, as undici gives them. */
export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>

/** Nobody waits longer, whatever upstream says: one answer leaves all of its host alone, and pip sleeps for as long as it is told. */
const RETRY_AFTER_MAX_SECONDS = 60
/** A Retry-After up to this is waited for by ourselves; a longer one is passed on to whoever asks, and its host is left alone for so long. */
export const WAITED_OUT_SECONDS = 5

/** A header's value; the first where it is repeated. */
export function headerOf(headers: UpstreamHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** What If-Range may carry (RFC 9110 §13.1.5): a strong ETag, else Last-Modified. */
export function validatorOf(headers: UpstreamHeaders): string | undefined {
  const etag = headerOf(headers, 'etag')
  return etag !== undefined && !etag.startsWith('W/') ? etag : headerOf(headers, 'last-modified')
}

/** Seconds, from either form of Retry-After (RFC 9110 §10.2.3), a minute at most. */
export function retryAfterOf(headers: UpstreamHeaders): number | undefined {
  const value = headerOf(headers, 'retry-after')
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Math.min(Number(value), RETRY_AFTER_MAX_SECONDS)
  const at = Date.parse(value)
  const now = Date.parse(headerOf(headers, 'date') ?? '')
  if (Number.isNaN(at) || Number.isNaN(now)) return undefined
  return Math.min(Math.max(0, Math.ceil((at - now) / 1000)), RETRY_AFTER_MAX_SECONDS)
}

/** Where in a file the body of a response lies. `NaN`: a 206 that does not say. */
export interface BodyPlace {
  /** 0 for a 200. */
  readonly first: number
  /** The last byte of a 206. */
  readonly last: number | undefined
  /** Bytes of the whole file, where upstream says so. */
  readonly size: number | undefined
}

export function placeOf(status: number, headers: UpstreamHeaders): BodyPlace {
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headerOf(headers, 'content-range') ?? '')
    const [first = Number.NaN, last = Number.NaN, size = Number.NaN] = (range ?? []).slice(1).map(byteCount)
    return Number.isNaN(first + last + size) ? UNREADABLE : { first, last, size }
  }
  const length = byteCount(headerOf(headers, 'content-length') ?? '')
  return { first: 0, last: undefined, size: Number.isNaN(length) ? undefined : length }
}

const UNREADABLE: BodyPlace = { first: Number.NaN, last: Number.NaN, size: Number.NaN }

/** `NaN` also for what no file has. */
function byteCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(count) ? count : Number.NaN
}
