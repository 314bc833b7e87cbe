import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { allowsRange, hasCurrent } from './conditional.ts'
import type { ByteRange, Content } from './content.ts'
import type { NodeContext } from './env.ts'
import { READ_HEADERS } from './headers.ts'
import { parseRange, rangeNotSatisfiable, resolveRange } from './range.ts'
import { streamBody } from './stream-body.ts'

/** What a response says of its content, beside what the content itself tells. */
export interface ContentReply {
  readonly contentType: string
  readonly cacheControl: string
  /** Headers of this kind of resource. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers GET and HEAD with a content: conditional, by range, with the digests that are known. What is in memory is sent as it is;
 * anything else is read only for a GET, at the client's pace, and no further once the client is gone.
 *
 * Rejects where nothing was sent yet, and also where the bytes turned out wrong on the way: the connection has then been
 * broken off, so that no client takes what it got for the whole.
 */
export async function sendContent(c: NodeContext, content: Content, options: ContentReply): Promise<Response> {
  const { size, bytes } = content
  const etag = etagOf(content)
  const headers: Record<string, string> = { ...READ_HEADERS, 'Cache-Control': options.cacheControl, ...options.headers }
  if (etag !== undefined) headers['ETag'] = etag
  if (hasCurrent(c.req.header('If-None-Match'), etag)) return new Response(null, { status: 304, headers })

  // RFC 9110 §14.2: a range means something for GET only.
  const range = c.req.method === 'GET' && size !== undefined ? chooseRange(c, size, etag) : undefined
  const status = range === undefined ? 200 : 206
  addContentHeaders(headers, content, range)
  headers['Content-Type'] = options.contentType

  // hono runs the GET route for HEAD too and drops the body uncancelled, so nothing may be opened.
  if (c.req.method === 'HEAD') return new Response(null, { status, headers })
  if (bytes !== undefined) {
    const part = range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)
    return new Response(part as Uint8Array<ArrayBuffer>, { status, headers })
  }
  const chunks = await content.open(range, c.req.raw.signal)
  c.env.outgoing.writeHead(status, headers)
  const length = range === undefined ? size : range.last - range.first + 1
  // A download that is being followed may let its first byte wait; a stored blob's first bytes share a packet with the headers.
  await streamBody(c.env.outgoing, chunks, { length, flush: content.blake3 === undefined })
  return RESPONSE_ALREADY_SENT
}

/** Strong, and mostly the digest of the bytes; weak where these may vary. None while only a finished download can tell. */
function etagOf(content: Content): string | undefined {
  if (content.sha256 !== undefined) return `"sha256:${content.sha256}"`
  if (content.blake3 !== undefined) return `"blake3:${content.blake3}"`
  if (content.validator === undefined) return undefined
  return content.isExact === false ? `W/"${content.validator}"` : `"${content.validator}"`
}

/** The range to send; undefined for the whole. Throws where none of it is there (416). */
function chooseRange(c: NodeContext, size: number, etag: string | undefined): ByteRange | undefined {
  const request = parseRange(c.req.header('Range'))
  if (request === undefined || !allowsRange(c.req.header('If-Range'), etag)) return undefined
  const range = resolveRange(request, size)
  if (range === undefined) throw rangeNotSatisfiable(size)
  return range
}

function addContentHeaders(headers: Record<string, string>, content: Content, range: ByteRange | undefined): void {
  const { size, sha256, blake3 } = content
  if (size !== undefined) {
    headers['Accept-Ranges'] = 'bytes'
    headers['Content-Length'] = String(range === undefined ? size : range.last - range.first + 1)
  }
  if (range !== undefined) headers['Content-Range'] = `bytes ${range.first}-${range.last}/${size}`
  // RFC 9530 §3: of the whole, also where a part is sent. It knows no BLAKE3.
  if (sha256 !== undefined) headers['Repr-Digest'] = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  if (blake3 !== undefined) headers['X-Arbor-Blake3'] = blake3
}
