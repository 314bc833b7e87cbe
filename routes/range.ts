import type { ByteRange } from './content.ts'
import { RouteError } from './errors.ts'

/** One range as RFC 9110 §14.1.2 lets a client write it, before the length is known. */
export type RangeRequest =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  /** The last so many bytes. */
  | { readonly kind: 'suffix'; readonly length: number }

/**
 * Reads a `Range` header. Undefined where it is absent, in another unit, malformed or several ranges: RFC 9110 §14.2 lets a server
 * ignore it, and then the whole is sent.
 */
export function parseRange(header: string | undefined): RangeRequest | undefined {
  if (header === undefined) return undefined
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? undefined : { kind: 'suffix', length: toPosition(last) }
  const range = { kind: 'from', first: toPosition(first), last: last === '' ? undefined : toPosition(last) } as const
  return range.last !== undefined && range.last < range.first ? undefined : range
}

/** A number too large for any file's length becomes one that still is, and can be calculated with. */
function toPosition(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}

/**
 * What a range means for `size` bytes, clamped to them; undefined where no byte of it is there (416). Of nothing, what begins at its beginning is
 * the whole: a suffix of it can be had (RFC 9110 §14.1.2), though no `Content-Range` can say so, and who reads in blocks asks for the first one of
 * an empty file, too. nginx and Go do the same.
 */
export function resolveRange(range: RangeRequest, size: number): ByteRange | 'whole' | undefined {
  if (size === 0 && (range.kind === 'suffix' ? range.length > 0 : range.first === 0)) return 'whole'
  if (range.kind === 'suffix') {
    return range.length === 0 ? undefined : { first: Math.max(0, size - range.length), last: size - 1 }
  }
  return range.first >= size ? undefined : { first: range.first, last: Math.min(range.last ?? size - 1, size - 1) }
}

/** RFC 9110 §15.5.17. */
export function rangeNotSatisfiable(size: number): RouteError {
  return new RouteError('ERR_RANGE_NOT_SATISFIABLE', `None of the bytes asked for are there: it has ${size} bytes.`, {
    headers: { 'Content-Range': `bytes */${size}` },
  })
}
