import { TextDecoder } from 'node:util'
import { PageError } from './errors.ts'

/** What upstream answered with status 200 to the request for a page. */
export interface PageResponse {
  /** Decompressed. */
  readonly body: Uint8Array
  readonly contentType: string | undefined
  /** After redirects: what relative links are relative to. */
  readonly url: string
}

/** A page's text, and what it really is, whatever it is labelled as (JSON as `text/html`, HTML as octets). */
export type PageText = { readonly kind: 'json' | 'html'; readonly text: string }

/** Never throws: what is neither JSON nor HTML turns out when it is parsed. */
export function readPageText(response: PageResponse): PageText {
  // Without `fatal` each malformed sequence becomes U+FFFD, and a byte order mark goes.
  const text = decoderFor(response.contentType).decode(response.body)
  const start = /\S/.exec(text)?.[0]
  if (start === '{' || start === '[') return { kind: 'json', text }
  if (start === '<') return { kind: 'html', text }
  return { kind: /\bjson\b/i.test(response.contentType ?? '') ? 'json' : 'html', text }
}

function decoderFor(contentType: string | undefined): TextDecoder {
  const label = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? '')?.[1]
  try {
    return new TextDecoder(label)
  } catch {
    return new TextDecoder() // a label that nobody knows
  }
}

/**
 * The most characters of what relative links start from: it is repeated for each of them, so that a page of 250 KB with a long one would take
 * hundreds of megabytes.
 */
const MAX_BASE = 2048

/**
 * The URL that relative links start from, without the credentials and the query that may be in it.
 * @param baseHref What the page itself says that it is. Throws {@link PageError} for one that is too long.
 */
export function linkBaseOf(url: string, baseHref = ''): string {
  const base = new URL(resolveLink(baseHref, url) ?? url)
  for (const part of ['username', 'password', 'search', 'hash'] as const) base[part] = ''
  const { length } = base.href
  if (length > MAX_BASE) throw new PageError(url, `has links relative to a URL of ${length} characters`)
  return base.href
}

/** Absolute, in the form that the URL parser would give it. */
const PLAIN_LINK = /^https:\/\/[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+\/[\w+~-][\w+~./-]*$/

/** Makes a link absolute. Undefined unless it is http(s): nothing else is ever fetched. The fragment is kept. */
export function resolveLink(href: string, base: string): string | undefined {
  if (PLAIN_LINK.test(href) && !href.includes('/.')) return href
  const resolved = URL.parse(href, base)?.href
  return resolved !== undefined && /^https?:/.test(resolved) ? resolved : undefined
}
