import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type Agent, type Dispatcher, EnvHttpProxyAgent, errors } from 'undici'
import { UpstreamError } from './errors.ts'
import { redactUrl } from './redact.ts'
import { type BodyPlace, headerOf, placeOf, retryAfterOf, validatorOf } from './upstream-headers.ts'

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
}

/** RFC 7617, or RFC 6750. */
export type Credentials = { readonly username: string; readonly password: string } | { readonly token: string }

/** Where a request goes, and what it may carry there. */
export interface Target {
  readonly url: string
  /** Sent to the origin of `credentialsFor` only, whatever redirects. */
  readonly credentials?: Credentials | undefined
  readonly credentialsFor?: string | undefined
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

/** The only door for outgoing HTTP. It follows redirects by itself, since each hop decides what may go along. */
export class Upstream {
  readonly #options: UpstreamOptions
  // Two pools, so that running downloads do not keep pages, and parts of files, waiting for a connection. An undici pool
  // queues what finds all connections of its origin busy, and serves the queue in order.
  readonly #pages: Dispatcher
  readonly #files: Dispatcher

  constructor(options: UpstreamOptions) {
    this.#options = options
    const timeouts = {
      connect: { timeout: options.connectTimeoutMs },
      headersTimeout: options.headersTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
    }
    this.#pages = createAgent({ ...timeouts, connections: 32 })
    this.#files = createAgent({ ...timeouts, connections: options.downloadsPerHost ?? DOWNLOADS_PER_HOST })
  }

  /** GETs a project page or list, conditionally where validators are given. Statuses are returned, not judged; trouble on the way throws {@link UpstreamError}. */
  async fetchPage(
    target: Target,
    validators: { readonly etag?: string | undefined; readonly lastModified?: string | undefined },
    signal: AbortSignal,
  ): Promise<UpstreamPage> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#options.pageTimeoutMs)])
    const headers = {
      accept: PAGE_ACCEPT,
      'accept-encoding': 'gzip',
      ...(validators.etag === undefined ? {} : { 'if-none-match': validators.etag }),
      ...(validators.lastModified === undefined ? {} : { 'if-modified-since': validators.lastModified }),
    }
    const { response, url } = await this.#request(this.#pages, target, headers, { signal: limit, sameHost: true })
    return {
      status: response.statusCode,
      body: await this.#readPage(response, url),
      contentType: headerOf(response.headers, 'content-type'),
      url,
      etag: headerOf(response.headers, 'etag'),
      lastModified: headerOf(response.headers, 'last-modified'),
      retryAfterSeconds: retryAfterOf(response.headers),
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
    return this.#openFile(this.#files, target, { ...range, ...ifRange }, signal)
  }

  /** GETs a few bytes of a file, `first` and `last` included, beside all downloads. Throws as {@link fetchPage}. */
  async openPart(
    target: Target,
    { first, last }: { readonly first: number; readonly last: number },
    signal: AbortSignal,
  ): Promise<UpstreamFile> {
    return this.#openFile(this.#pages, target, { range: `bytes=${first}-${last}` }, signal)
  }

  async #openFile(
    dispatcher: Dispatcher,
    target: Target,
    rangeHeaders: Record<string, string>,
    signal: AbortSignal,
  ): Promise<UpstreamFile> {
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...rangeHeaders }
    const { response, url } = await this.#request(dispatcher, target, headers, { signal, sameHost: false })
    return {
      ...placeOf(response.statusCode, response.headers),
      status: response.statusCode,
      validator: validatorOf(response.headers),
      retryAfterSeconds: retryAfterOf(response.headers),
      body: translateErrors(response.body, url),
      discard: () => discard(response),
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pages.destroy(), this.#files.destroy()])
  }

  async #request(
    dispatcher: Dispatcher,
    target: Target,
    headers: Record<string, string>,
    options: { readonly signal: AbortSignal; readonly sameHost: boolean },
  ): Promise<{ response: Dispatcher.ResponseData; url: string }> {
    let url = new URL(target.url)
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#send(
        dispatcher,
        url,
        { ...headers, ...this.#ownHeaders(url, target) },
        options.signal,
      )
      const location = headerOf(response.headers, 'location')
      if (!REDIRECTS.has(response.statusCode) || location === undefined) return { response, url: url.href }
      discard(response)
      url = checkRedirect(url, location, options)
    }
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${redactUrl(target.url)} redirects more than ${MAX_REDIRECTS} times`,
    )
  }

  async #send(
    dispatcher: Dispatcher,
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers,
        signal,
      })
    } catch (error) {
      throw translateError(error, url.href)
    }
  }

  #ownHeaders(url: URL, target: Target): Record<string, string> {
    const { credentials, credentialsFor } = target
    const isTheirs = credentials !== undefined && new URL(credentialsFor ?? target.url).origin === url.origin
    return { 'user-agent': this.#options.userAgent, ...(isTheirs && { authorization: formatCredentials(credentials) }) }
  }

  async #readPage(response: Dispatcher.ResponseData, url: string): Promise<Uint8Array> {
    const { pageMaxBytes } = this.#options
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of translateErrors(response.body, url)) {
      size += chunk.length
      if (size > pageMaxBytes) throw tooLarge(url, pageMaxBytes)
      chunks.push(chunk)
    }
    return decode(Buffer.concat(chunks), headerOf(response.headers, 'content-encoding'), url, pageMaxBytes)
  }
}

const gunzipAsync = promisify(gunzip)

/** Undoes the one coding that is asked for. The limit holds for what comes out, too: a page may be a bomb. */
async function decode(body: Buffer, coding: string | undefined, url: string, maxBytes: number): Promise<Uint8Array> {
  if (coding === undefined || coding === 'identity' || body.length === 0) return body
  if (coding !== 'gzip' && coding !== 'x-gzip') {
    throw new UpstreamError('ERR_UPSTREAM_PAGE', `${redactUrl(url)} is encoded as ${coding}, which was not asked for`)
  }
  try {
    return await gunzipAsync(body, { maxOutputLength: maxBytes })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(url, maxBytes)
    throw new UpstreamError('ERR_UPSTREAM_PAGE', `${redactUrl(url)} is not the gzip that it says it is`, {
      cause: error,
    })
  }
}

function tooLarge(url: string, maxBytes: number): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_PAGE', `${redactUrl(url)} is larger than ${maxBytes} bytes`)
}

/** Goes through HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where they are set. */
function createAgent(options: Agent.Options): Dispatcher {
  return new EnvHttpProxyAgent(options)
}

/**
 * A page may not come from another host than the one configured: an index that redirects unknown projects to a public one makes
 * private names confusable. A file may.
 */
function checkRedirect(from: URL, location: string, { sameHost }: { readonly sameHost: boolean }): URL {
  const to = URL.parse(location, from.href)
  if (to === null || (to.protocol !== 'http:' && to.protocol !== 'https:')) {
    throw new UpstreamError('ERR_UPSTREAM_REFUSED', `${redactUrl(from)} redirects to no http(s) URL`)
  }
  if (sameHost && to.host !== from.host) {
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${redactUrl(from)} redirects to another host, ${to.host}, which a page must not`,
    )
  }
  return to
}

async function* translateErrors(body: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw translateError(error, url)
  }
}

function translateError(error: unknown, url: string): unknown {
  if (error instanceof DOMException && error.name === 'TimeoutError') return timeout(error, url)
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return timeout(error, url)
  if (error instanceof errors.ConnectTimeoutError) return timeout(error, url)
  if (error instanceof DOMException || !(error instanceof Error)) return error
  return new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', `${redactUrl(url)}: ${describe(error)}`, { cause: error })
}

function timeout(cause: Error, url: string): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_TIMEOUT', `${redactUrl(url)} took too long`, { cause })
}

/** Node hides what happened behind "fetch failed" or an empty AggregateError message. */
function describe(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined
  return first instanceof Error ? first.message : error.message
}

function formatCredentials(credentials: Credentials): string {
  if ('token' in credentials) return `Bearer ${credentials.token}`
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
}

function discard(response: Dispatcher.ResponseData): void {
  response.body.on('error', () => {}) // Destroying is the point: nobody wants to know more.
  response.body.destroy()
}
