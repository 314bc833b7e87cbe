import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { AtHand } from '../storage/at-hand.ts'
import { allowsRange, hasCurrent } from './conditional.ts'
import type { ByteRange, Content } from './content.ts'
import { type ContentReply, headersOf } from './content-headers.ts'
import type { Exchange } from './env.ts'
import { parseRange, rangeNotSatisfiable, resolveRange } from './range.ts'
import { type HeaderList, sendWhole } from './send.ts'
import { streamBody } from './stream-body.ts'

/**
 * Answers GET and HEAD with a content: conditional, by range, with the digests that are known. What is in memory is sent as it is;
 * anything else is read only for a GET, at the client's pace, and no further once the client is gone.
 *
 * Throws or rejects where nothing was sent yet. Rejects also where the bytes turned out wrong on the way: the connection has then been
 * broken off, so that no client takes what it got for the whole.
 */
export function sendContent(c: Exchange, content: Content, options: ContentReply): AtHand<Response> {
  const { size, bytes } = content
  const { method, headers: asked } = c.env.incoming
  const { etag, current, whole } = headersOf(content, options)
  if (hasCurrent(asked['if-none-match'], etag)) return sendWhole(c, 304, { headers: current })

  // RFC 9110 §14.2: a range means something for GET only.
  const range = method === 'GET' && size !== undefined ? chooseRange(c, size, etag) : undefined
  const status = range === undefined ? 200 : 206
  const headers = range === undefined ? whole : withRange(whole, range, size)

  // HEAD: nothing may be opened, since nobody would read it or close it.
  if (method === 'HEAD') return sendWhole(c, status, { headers })
  const length = range === undefined ? size : range.last - range.first + 1
  const count = (): void => options.meter?.(length ?? 0, content.blake3 === undefined ? 'upstream' : 'store')
  if (bytes === undefined) return streamContent(c, content, { status, headers, range, length, count })
  count()
  return sendWhole(c, status, {
    headers,
    body: range === undefined ? bytes : bytes.subarray(range.first, range.last + 1),
  })
}

async function streamContent(
  c: Exchange,
  content: Content,
  head: {
    readonly status: number
    readonly headers: HeaderList
    readonly range: ByteRange | undefined
    readonly length: number | undefined
    /** To be called once there is something to send. */
    readonly count: () => void
  },
): Promise<Response> {
  const { status, headers, range, length, count } = head
  const chunks = await content.open(range, c.req.raw.signal)
  count()
  c.env.outgoing.writeHead(status, headers as string[])
  // A download (only it has no BLAKE3 yet) may keep the client waiting for the first byte, so its headers go ahead. A stored blob's headers share a
  // packet with its first bytes.
  await streamBody(c.env.outgoing, chunks, { length, flush: content.blake3 === undefined })
  return RESPONSE_ALREADY_SENT
}

/** The range to send; undefined for the whole. Throws where none of it is there (416). */
function chooseRange(c: Exchange, size: number, etag: string | undefined): ByteRange | undefined {
  const { headers } = c.env.incoming
  const request = parseRange(headers.range)
  if (request === undefined || !allowsRange(headers['if-range']?.toString(), etag)) return undefined
  const range = resolveRange(request, size)
  if (range === undefined) throw rangeNotSatisfiable(size)
  return range === 'whole' ? undefined : range
}

/** The headers of the whole begin with its length. */
function withRange(
  [name = '', , ...rest]: HeaderList,
  { first, last }: ByteRange,
  size: number | undefined,
): HeaderList {
  return [name, String(last - first + 1), 'Content-Range', `bytes ${first}-${last}/${size}`, ...rest]
}
