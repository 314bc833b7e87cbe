/**
 * On every response that anybody may read: scripts of any origin may (A18: Pyodide's installer runs in a browser), and no browser guesses
 * at types. Put in by whoever makes the response, since a middleware would cost the hot path more than it saves here.
 */
export const READ_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Content-Length, Content-Range, Content-Location, Accept-Ranges, ETag, Repr-Digest, Retry-After, Preference-Applied, X-Request-Id, X-PyPI-Last-Serial, X-Arbor-Blake3, X-Arbor-Executable, X-Arbor-Portable',
} as const

/**
 * The answer to a browser's question whether it may send a request with headers of its own (Fetch standard: CORS-preflight), beside which
 * methods it may use.
 */
export const PREFLIGHT_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers':
    'Range, If-Range, If-None-Match, Accept, Accept-Encoding, Cache-Control, Content-Type, Prefer',
  'Access-Control-Max-Age': '86400',
} as const

/** RFC 8246: what the URL names can never become other bytes. */
export const IMMUTABLE = 'public, max-age=31536000, immutable'

/** Kept by caches, but asked for again each time: the URL may name other bytes tomorrow. */
export const REVALIDATE = 'public, no-cache'

export const NO_STORE = 'no-store'
