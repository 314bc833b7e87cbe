import type { Content } from './content.ts'
import { READ_HEADERS } from './headers.ts'
import type { Meter } from './repository.ts'
import { type HeaderList, listHeaders, shareStrings } from './send.ts'

/** What a response says of its content, beside what the content itself tells. */
export interface ContentReply {
  readonly contentType: string
  readonly cacheControl: string
  /** Headers of this kind of resource. */
  readonly headers?: Readonly<Record<string, string>>
  /** Counts what is sent. */
  readonly meter?: Meter
}

type Headers = Readonly<Record<string, string>>

/** The headers of the responses that a content may get. */
export interface ContentHeaders {
  readonly etag: string | undefined
  /** Of a 304. */
  readonly current: HeaderList
  /** Of a 200; the length comes first. */
  readonly whole: HeaderList
}

/** Puts the headers together. */
export function headersOf(content: Content, reply: ContentReply): ContentHeaders {
  if (reply instanceof StandingReply) return reply.headersOf(content)
  const etag = etagOf(content)
  const tag: Headers = etag === undefined ? {} : { ETag: etag }
  const current = { ...READ_HEADERS, 'Cache-Control': reply.cacheControl, ...reply.headers, ...tag }
  const whole = { ...lengthOf(content), ...current, ...digestsOf(content), 'Content-Type': reply.contentType }
  return { etag, current: listHeaders(current), whole: listHeaders(whole) }
}

type Facts = Pick<Content, 'size' | 'sha256' | 'blake3' | 'validator' | 'isExact'>

/**
 * A reply for a URL that mostly has the same content each time: the last headers are kept, and used again while the content is the same, since
 * putting them together takes longer than sending them.
 */
export class StandingReply implements ContentReply {
  readonly contentType: string
  readonly cacheControl: string
  readonly headers: Headers
  readonly meter: Meter
  readonly #reply: ContentReply
  // What the last content is recognized by. Not the content itself, which may be large: whether its bytes stay in memory is decided elsewhere.
  #last: (Facts & ContentHeaders) | undefined

  constructor(reply: ContentReply) {
    this.#reply = reply
    this.contentType = reply.contentType
    this.cacheControl = reply.cacheControl
    this.headers = reply.headers ?? {}
    this.meter = reply.meter ?? (() => {})
  }

  headersOf(content: Content): ContentHeaders {
    const last = this.#last
    if (last !== undefined && isSame(last, content)) return last
    const { size, sha256, blake3, validator, isExact } = content
    const { etag, current, whole } = headersOf(content, this.#reply)
    const shared = { etag, current: shareStrings(current), whole: shareStrings(whole) }
    const made = { size, sha256, blake3, validator, isExact, ...shared }
    this.#last = made
    return made
  }
}

function isSame(left: Facts, right: Facts): boolean {
  return (
    left.size === right.size &&
    left.sha256 === right.sha256 &&
    left.blake3 === right.blake3 &&
    left.validator === right.validator &&
    left.isExact === right.isExact
  )
}

/** Strong, and mostly the digest of the bytes; weak where the bytes may vary. Undefined for a download whose digest nobody knows yet. */
function etagOf(content: Content): string | undefined {
  if (content.sha256 !== undefined) return `"sha256:${content.sha256}"`
  if (content.blake3 !== undefined) return `"blake3:${content.blake3}"`
  if (content.validator === undefined) return undefined
  return content.isExact === false ? `W/"${content.validator}"` : `"${content.validator}"`
}

function lengthOf({ size }: Content): Headers {
  return size === undefined ? {} : { 'Content-Length': String(size), 'Accept-Ranges': 'bytes' }
}

/** RFC 9530 §3: `Repr-Digest` is that of the whole, also where a range is sent. It has no name for BLAKE3, so that has a header of our own. */
function digestsOf({ sha256, blake3 }: Content): Headers {
  return {
    ...(sha256 !== undefined && { 'Repr-Digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:` }),
    ...(blake3 !== undefined && { 'X-Arbor-Blake3': blake3 }),
  }
}
