import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { normalizeProjectName } from '../../storage/names.ts'
import { distributionsIn, type Distribution } from './upstream/distribution.ts'
import {
  HTML_TYPE,
  JSON_TYPE,
  metadataBytesOf,
  renderHtmlPage,
  renderJsonPage,
  renderProjectList,
} from './upstream/pages.ts'
import { NO_QUIRKS, takeFaults, type Quirks } from './upstream/quirks.ts'
import { sendFile } from './upstream/send-file.ts'

/** One request that the upstream got, in the order of arrival. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Which port was asked. */
  readonly port: 'index' | 'files'
  /** 0 until there is one. */
  status: number
  /** Of the body, so far. */
  bytesSent: number
  /** Broken: the connection ended before the response did. */
  state: 'open' | 'complete' | 'broken'
}

/** A page to be sent as it is, for what no real index would say. */
export interface RawPage {
  readonly contentType: string
  readonly body: string | Buffer
}

/** A package index on loopback. */
export interface Upstream extends AsyncDisposable {
  /** The index, `http://127.0.0.1:{port}/simple/`. */
  readonly url: string
  readonly quirks: Quirks
  /** What it serves, by file name; may be changed. */
  readonly distributions: Map<string, Distribution>
  /** Instead of the rendered page, by normalized project. */
  readonly rawPages: Map<string, RawPage>
  /** Everything that it was asked. */
  readonly requests: UpstreamRequest[]
  /** Is gone: connections break, the port refuses. */
  stop(): Promise<void>
  /** Is back, on the same ports. */
  start(): Promise<void>
}

export interface UpstreamOptions {
  /** Folders of wheels and sdists. */
  readonly folders?: readonly string[]
  readonly distributions?: readonly Distribution[]
  readonly quirks?: Partial<Quirks>
}

/** Starts an index in this process. The caller stops it. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const found = await Promise.all((options.folders ?? []).map((folder) => distributionsIn(folder)))
  const upstream = new LoopbackUpstream([...found.flat(), ...(options.distributions ?? [])], {
    ...NO_QUIRKS,
    ...options.quirks,
  })
  await upstream.start()
  return upstream
}

class LoopbackUpstream implements Upstream {
  readonly quirks: Quirks
  readonly distributions: Map<string, Distribution>
  readonly rawPages = new Map<string, RawPage>()
  readonly requests: UpstreamRequest[] = []
  readonly #servers: Record<UpstreamRequest['port'], Server | undefined> = { index: undefined, files: undefined }
  readonly #ports: Record<UpstreamRequest['port'], number> = { index: 0, files: 0 }

  constructor(distributions: readonly Distribution[], quirks: Quirks) {
    this.distributions = new Map(distributions.map((distribution) => [distribution.filename, distribution]))
    this.quirks = quirks
  }

  get url(): string {
    return `${this.#origin('index')}/simple/`
  }

  async start(): Promise<void> {
    for (const port of ['index', 'files'] as const) {
      const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
        void this.#answer(request, response, port)
      })
      this.#servers[port] = server
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.#ports[port], '127.0.0.1', resolve)
      })
      this.#ports[port] = (server.address() as AddressInfo).port
    }
  }

  async stop(): Promise<void> {
    for (const port of ['index', 'files'] as const) {
      const server = this.#servers[port]
      this.#servers[port] = undefined
      if (server === undefined) continue
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #origin(port: UpstreamRequest['port']): string {
    return `http://127.0.0.1:${this.#ports[port]}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse, port: UpstreamRequest['port']): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const record: UpstreamRequest = { method, path, headers, port, status: 0, bytesSent: 0, state: 'open' }
    this.requests.push(record)
    response.once('close', () => {
      record.state = response.writableFinished ? 'complete' : 'broken'
    })
    try {
      if (this.quirks.latencyMs > 0) await delay(this.quirks.latencyMs)
      await this.#route(request, response, record)
      record.status = response.statusCode
    } catch {
      // The client went away, or the upstream was stopped.
      response.destroy()
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, record: UpstreamRequest): Promise<void> {
    const { pathname, search } = new URL(record.path, 'http://upstream')
    const { quirks } = this
    if (record.method !== 'GET' && record.method !== 'HEAD') return this.#refuse(response, 405)
    const project = /^\/simple\/(?:([^/]+)\/)?$/.exec(pathname)
    if (project !== null) {
      if (quirks.pageStatus !== undefined) return this.#refuse(response, quirks.pageStatus)
      return this.#sendPage(request, response, record, project[1])
    }
    const file = /^\/packages\/([^/]+?)(\.metadata)?$/.exec(pathname)
    const distribution = file?.[1] === undefined ? undefined : this.distributions.get(decodeURIComponent(file[1]))
    if (quirks.fileStatus !== undefined) return this.#refuse(response, quirks.fileStatus)
    if (distribution === undefined) return this.#refuse(response, quirks.missingStatus)
    if (quirks.redirectFiles && record.port === 'index') {
      response.writeHead(302, { location: `${this.#origin('files')}${pathname}${search}` }).end()
      return
    }
    if (file?.[2] === undefined) return this.#sendDistribution(request, response, record, distribution)
    const metadata = metadataBytesOf(distribution, quirks)
    if (metadata === undefined) return this.#refuse(response, quirks.missingStatus)
    this.#sendWhole(response, record, metadata, 'application/octet-stream')
  }

  #refuse(response: ServerResponse, status: number): void {
    const { retryAfter } = this.quirks
    response.writeHead(status, {
      'content-type': 'text/plain',
      ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
    })
    response.end(`${status}\n`)
  }

  #sendPage(
    request: IncomingMessage,
    response: ServerResponse,
    record: UpstreamRequest,
    project: string | undefined,
  ): void {
    const type = !this.quirks.htmlOnly && request.headers.accept?.includes(JSON_TYPE) === true ? JSON_TYPE : HTML_TYPE
    const page = this.#renderPage(project === undefined ? undefined : normalizeProjectName(project), type)
    if (page === undefined) return this.#refuse(response, this.quirks.missingStatus)
    const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    const body = gzip ? gzipSync(page.body) : Buffer.from(page.body)
    response.setHeader('vary', 'Accept, Accept-Encoding')
    response.setHeader('cache-control', 'max-age=600, public')
    if (gzip) response.setHeader('content-encoding', 'gzip')
    if (this.quirks.conditionalPages) {
      const tag = `"${createHash('md5').update(page.contentType).update(body).digest('base64url')}"`
      response.setHeader('etag', tag)
      if (request.headers['if-none-match'] === tag) {
        response.writeHead(304).end()
        return
      }
    }
    this.#sendWhole(response, record, body, page.contentType)
  }

  #renderPage(project: string | undefined, type: string): RawPage | undefined {
    const all = [...this.distributions.values()]
    if (project === undefined) {
      const names = [...new Set(all.map((distribution) => distribution.project))].toSorted()
      return { contentType: type, body: renderProjectList(names, type) }
    }
    const raw = this.rawPages.get(project)
    if (raw !== undefined) return raw
    const files = all.filter((distribution) => distribution.project === project)
    if (files.length === 0) return undefined
    const render = type === JSON_TYPE ? renderJsonPage : renderHtmlPage
    const origins = { index: this.#origin('index'), files: this.#origin('files') }
    return { contentType: type, body: render(project, files, this.quirks, origins) }
  }

  #sendWhole(response: ServerResponse, record: UpstreamRequest, body: Buffer, contentType: string): void {
    response.setHeader('content-type', contentType)
    response.setHeader('content-length', body.length)
    if (record.method === 'HEAD') {
      response.end()
      return
    }
    record.bytesSent = body.length
    response.end(body)
  }

  async #sendDistribution(
    request: IncomingMessage,
    response: ServerResponse,
    record: UpstreamRequest,
    distribution: Distribution,
  ): Promise<void> {
    const { size, sha256 } = distribution
    const { quirks } = this
    const tag = `"${sha256}"`
    response.setHeader('content-type', 'application/octet-stream')
    if (quirks.taggedFiles) response.setHeader('etag', tag)
    response.setHeader('cache-control', 'max-age=365000000, immutable, public')
    if (quirks.lastModified !== undefined) response.setHeader('last-modified', quirks.lastModified)
    if (quirks.ranges !== 'absent') response.setHeader('accept-ranges', 'bytes')
    if (record.method === 'HEAD') {
      if (!quirks.chunked) response.setHeader('content-length', size)
      response.end()
      return
    }
    const asked = [undefined, tag].includes(request.headers['if-range']?.toString()) ? request.headers.range : undefined
    const range = quirks.ranges === 'served' ? parseRange(asked, size) : undefined
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${size}`)
      return this.#refuse(response, 416)
    }
    const { first, last } = range ?? { first: 0, last: size - 1 }
    if (range !== undefined) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${first}-${last}/${size}`)
    }
    const faults = takeFaults(quirks, { first, last })
    if (faults.hangAt === 'headers') return
    record.status = response.statusCode
    const source = await distribution.open()
    try {
      const { bytesPerSecond, chunked } = quirks
      const onSent = (bytes: number): void => void (record.bytesSent += bytes)
      await sendFile(response, source, { first, last, bytesPerSecond, chunked, faults, onSent })
    } finally {
      await source.close()
    }
  }
}

/** RFC 9110 §14.1.2, one range; anything else is ignored, as a server may. */
function parseRange(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') return to === '0' ? 'unsatisfiable' : { first: Math.max(0, size - Number(to)), last: size - 1 }
  if (Number(from) >= size) return 'unsatisfiable'
  if (to !== '' && Number(to) < Number(from)) return undefined
  return { first: Number(from), last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}
