import type { IncomingMessage } from 'node:http'

/**
 * RFC 9110 §13.1.2, `If-None-Match` by weak comparison: true means that the client has what it asks for (304).
 * An answer without a validator matches `*` only.
 */
export function hasCurrent(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true
  // An entity tag may hold a comma, so a list cannot be split at commas.
  const tags: readonly string[] = ifNoneMatch.match(/"[^"]*"/g) ?? []
  return etag !== undefined && tags.includes(withoutWeakness(etag))
}

/**
 * RFC 9110 §13.1.5, `If-Range` by strong comparison: false means that the client holds part of something else, so the `Range`
 * beside it is ignored. We send no `Last-Modified`, so a date never matches.
 */
export function allowsRange(ifRange: string | undefined, etag: string | undefined): boolean {
  return ifRange === undefined || (ifRange.trim() === etag && !etag.startsWith('W/'))
}

/** Whether all of something is asked for, whatever the client has of it. */
export function asksForAll({ headers }: IncomingMessage): boolean {
  return headers.range === undefined && headers['if-none-match'] === undefined
}

function withoutWeakness(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}
