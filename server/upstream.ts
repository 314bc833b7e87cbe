import type { Dispatcher } from 'undici'
import { UpstreamError } from './errors.ts'
import type { Log } from './log.ts'
import { redactUrl } from './redact.ts'
import { createAgent, type Proxies, trustAlso } from './upstream/agent.ts'
import type { Attempt, Breaker, HostCondition } from './upstream/breaker.ts'
import { translateError } from './upstream/failures.ts'
import { type BodyPlace, headerOf, placeOf, retryAfterOf, validatorOf } from './upstream/headers.ts'
import { type AddressPolicy, refuseLinkLocal } from './upstream/link-local.ts'
import { PAGE_CODING, readPageBody } from './upstream/page-body.ts'
import { credentialHeaders, isAmong, type Target } from './upstream/target.ts'

export type { Credentials, Target } from './upstream/target.ts'

export interface UpstreamOptions {
  readonly connectTimeoutMs: number
  /** From the request to the response's headers. */
  readonly headersTimeoutMs: number
  /** The longest silence inside a body. */
  readonly idleTimeoutMs: number
  readonly pageMaxBytes: number
  /** The whole of a page, from request to last byte. */
  readonly pageTimeoutMs: number
  readonly userAgent: string
  /** Downloads that run at once from one host; more wait their turn, first come, first served. */
  readonly downloadsPerHost?: number | undefined
  /** Certificates (PEM) that are trusted beside Node's. */
  readonly ca?: string | undefined
  /** By default every host is asked straight. */
  readonly proxies?: Proxies | undefined
  /** By default no link-local address is connected to. */
  readonly addresses?: AddressPolicy | undefined
  /** By default every host is asked, whatever became of the last request. */
  readonly breaker?: Breaker | undefined
  /** Told of each request at `debug`. */
  readonly log?: Log | undefined
}

/** Of a page that is known already: upstream may then answer 304. */
export interface PageValidators {
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

export interface UpstreamPage {
  readonly status: number
  readonly body: Uint8Array
  readonly contentType: string | undefined
  /** After redirects: what relative links are relative to. */
  readonly url: string
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly retryAfterSeconds: number | undefined
}

export interface UpstreamFile extends BodyPlace {
  readonly status: number
  /** A strong validator for If-Range: ETag, else Last-Modified (RFC 9110 §13.1.5). */
  readonly validator: string | undefined
  readonly retryAfterSeconds: number | undefined
  /** Raw bytes, never decoded. Iterate it, or call {@link discard}. */
  readonly body: AsyncIterable<Uint8Array>
  discard(): void
}

const PAGE_ACCEPT = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01'
const MAX_REDIRECTS = 5
/** A busy host must not refuse us, and an installer on its own would open some fifty connections. */
const DOWNLOADS_PER_HOST = 64
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const NO_OWN_HOSTS: AddressPolicy = { ownHosts: new Set() }

interface Sending {
  readonly dispatcher: Dispatcher
  readonly method?: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** The only door for outgoing HTTP. It follows redirects by itself, since each hop decides what may go along. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #addresses: AddressPolicy
  // Two pools, so that running downloads do not keep pages, and parts of files, waiting for a connection. An undici pool
  // queues what finds all connections of its origin busy, and serves the queue in order.
  readonly #pages: Dispatcher
  readonly #files: Dispatcher

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#addresses = options.addresses ?? NO_OWN_HOSTS
    const secureContext = options.ca === undefined ? undefined : trustAlso(options.ca)
    const agent = { ...options, secureContext, addresses: this.#addresses }
    this.#pages = createAgent({ ...agent, connections: 32 })
    this.#files = createAgent({ ...agent, connections: options.downloadsPerHost ?? DOWNLOADS_PER_HOST })
  }

  /** How it stands with the hosts that were asked. */
  conditions(): readonly HostCondition[] {
    return this.#options.breaker?.conditions() ?? []
  }

  /** GETs a project page or list, conditionally where validators are given. Statuses are returned, not judged; trouble on the way throws {@link UpstreamError}. */
  async fetchPage(target: Target, validators: PageValidators, signal: AbortSignal): Promise<UpstreamPage> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#options.pageTimeoutMs)])
    const headers = {
      accept: PAGE_ACCEPT,
      'accept-encoding': PAGE_CODING,
      ...(validators.etag === undefined ? {} : { 'if-none-match': validators.etag }),
      ...(validators.lastModified === undefined ? {} : { 'if-modified-since': validators.lastModified }),
    }
    const answer = await this.#request(target, { dispatcher: this.#pages, headers, signal: limit })
    const { response, url } = answer
    const { statusCode: status, headers: received } = response
    const coding = headerOf(received, 'content-encoding')
    const body = await readPageBody(readBody(answer), coding, {
      url,
      maxBytes: Math.min(target.maxBytes ?? Infinity, this.#options.pageMaxBytes),
      length: placeOf(status, received).size,
      onLarge: status === 200 ? target.onLarge : undefined,
    })
    return {
      status,
      body,
      contentType: headerOf(received, 'content-type'),
      url,
      etag: headerOf(received, 'etag'),
      lastModified: headerOf(received, 'last-modified'),
      retryAfterSeconds: retryAfterOf(received),
    }
  }

  /**
   * GETs a file, or the part of it from `from` on (to `to`, where given) if it is still the one that `ifRange` validates. Waits its turn where
   * many downloads run from that host. Throws as {@link fetchPage}.
   */
  async openFile(
    target: Target,
    part: { readonly from: number; readonly to?: number | undefined; readonly ifRange: string | undefined } | undefined,
    signal: AbortSignal,
  ): Promise<UpstreamFile> {
    const range = part === undefined ? {} : { range: `bytes=${part.from}-${part.to ?? ''}` }
    const ifRange = part?.ifRange === undefined ? {} : { 'if-range': part.ifRange }
    return this.#openFile(target, { dispatcher: this.#files, headers: { ...range, ...ifRange }, signal })
  }

  /** GETs a few bytes of a file, `first` and `last` included, beside all downloads. Throws as {@link fetchPage}. */
  async openPart(
    target: Target,
    { first, last }: { readonly first: number; readonly last: number },
    signal: AbortSignal,
  ): Promise<UpstreamFile> {
    return this.#openFile(target, { dispatcher: this.#pages, headers: { range: `bytes=${first}-${last}` }, signal })
  }

  /** Asks for what a file's headers say, and nothing of its bytes; the status is returned. Throws as {@link fetchPage}. */
  async describeFile(target: Target, signal: AbortSignal): Promise<number> {
    const file = await this.#openFile(target, { dispatcher: this.#pages, method: 'HEAD', headers: {}, signal })
    // Read to its end, which it is at: the connection can be used again.
    for await (const _ of file.body) continue
    return file.status
  }

  async close(): Promise<void> {
    await Promise.all([this.#pages.destroy(), this.#files.destroy()])
  }

  async #openFile(target: Target, sending: Sending): Promise<UpstreamFile> {
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...sending.headers }
    const answer = await this.#request(target, { ...sending, headers })
    const { response } = answer
    const { statusCode: status } = response
    const lastModified = headerOf(response.headers, 'last-modified')
    if ((status === 200 || status === 206) && lastModified !== undefined) target.onLastModified?.(lastModified)
    return {
      ...placeOf(status, response.headers),
      status,
      validator: validatorOf(response.headers),
      retryAfterSeconds: retryAfterOf(response.headers),
      body: readBody(answer),
      discard: () => discard(response),
    }
  }

  async #request(target: Target, sending: Sending): Promise<Answer> {
    let url = new URL(target.url)
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const answer = await this.#send(url, target, sending)
      const { response } = answer
      const location = headerOf(response.headers, 'location')
      if (!REDIRECTS.has(response.statusCode) || location === undefined) return answer
      discard(response)
      url = checkRedirect(url, location, target)
    }
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${redactUrl(target.url)} redirects more than ${MAX_REDIRECTS} times`,
    )
  }

  async #send(url: URL, target: Target, sending: Sending): Promise<Answer> {
    const { dispatcher, method = 'GET', signal } = sending
    refuseLinkLocal(url, this.#addresses)
    const { userAgent, breaker } = this.#options
    const headers = { ...sending.headers, 'user-agent': userAgent, ...credentialHeaders(url, target) }
    const attempt = breaker?.admit(url)
    const tell = this.#timer(url, method)
    try {
      const { origin, pathname, search } = url
      const response = await dispatcher.request({ origin, path: pathname + search, method, headers, signal })
      tell({ status: response.statusCode })
      attempt?.answered(response.statusCode, retryAfterOf(response.headers))
      return { response, url: url.href, attempt, signal }
    } catch (error) {
      const failure = reportFailure(error, { url: url.href, attempt, signal })
      tell({ reason: failure instanceof Error ? failure.message : String(failure) })
      throw failure
    }
  }

  /** Makes what logs a request that is sent now, once its headers are there or it failed. */
  #timer({ origin, pathname, search }: URL, method: string): (outcome: object) => void {
    const { log } = this.#options
    const sentAt = performance.now()
    return (outcome) => {
      const ms = Math.round((performance.now() - sentAt) * 10) / 10
      // A query may be a signature.
      log?.debug(
        { host: origin, method, path: search === '' ? pathname : `${pathname}?***`, ms, ...outcome },
        'asked upstream',
      )
    }
  }
}

/** A response's headers came, its body is to be read. */
interface Answer {
  readonly response: Dispatcher.ResponseData
  readonly url: string
  readonly attempt: Attempt | undefined
  /** Of the request. */
  readonly signal: AbortSignal
}

/** The raw body; what breaks it is an {@link UpstreamError}, but for an abort. */
async function* readBody({ response, attempt, ...sent }: Answer): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      attempt?.received(chunk.length)
      yield chunk
    }
  } catch (error) {
    throw reportFailure(error, { attempt, ...sent })
  }
  attempt?.finished()
}

/** Tells the breaker of what undici threw, and translates it to what we throw. */
function reportFailure(error: unknown, { url, attempt, signal }: Omit<Answer, 'response'>): unknown {
  const translated = translateError(error, { url, signal })
  attempt?.failed(translated)
  return translated
}

/** Where a redirect leads, if it may lead there: see {@link Target.redirectHosts}. */
function checkRedirect(from: URL, location: string, { redirectHosts = [] }: Target): URL {
  const to = URL.parse(location, from.href)
  if (to === null || (to.protocol !== 'http:' && to.protocol !== 'https:')) {
    throw new UpstreamError('ERR_UPSTREAM_REFUSED', `${redactUrl(from)} redirects to no http(s) URL`)
  }
  if (redirectHosts === 'any' || isAmong(redirectHosts, to)) return to
  // The same host, where both have the port that is their scheme's. Of a file the page tells the digest, of a page nobody.
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${redactUrl(from)} redirects to plain http, which anybody may change`,
    )
  }
  if (to.host === from.host) return to
  throw new UpstreamError('ERR_UPSTREAM_REFUSED', `${redactUrl(from)} redirects to another host, ${to.host}`)
}

function discard(response: Dispatcher.ResponseData): void {
  response.body.on('error', () => {}) // Destroying is the point: nobody wants to know more.
  response.body.destroy()
}
