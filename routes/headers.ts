/**
 * For every public response: scripts of any origin may read it (A18: Pyodide's installer runs in a browser), and browsers do not guess its
 * type. Each response is made with them, since a middleware that adds them would slow down the hot path.
 */
export const READ_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Content-Length, Content-Range, Content-Location, Accept-Ranges, ETag, Repr-Digest, Retry-After, Preference-Applied, X-Request-Id, X-PyPI-Last-Serial, X-Arbor-Blake3, X-Arbor-Executable, X-Arbor-Portable',
} as const

/**
 * The answer to a browser that asks whether a script may send certain headers (Fetch standard: CORS-preflight). Which methods it may use is added
 * for each path.
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
