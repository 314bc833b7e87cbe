import { LRUCache } from 'lru-cache'
import type { ByteRange } from '../../routes/content.ts'
import { OwnedIteration } from '../../storage/owned-iteration.ts'
import { SingleFlight } from '../../storage/single-flight.ts'
import { oneChunk } from '../contents.ts'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { redactUrl } from '../redact.ts'
import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import type { Sighting } from '../../storage/model.ts'

/** How long a part is kept, milliseconds: many resolvers ask for the same end of a file within moments. */
const KEEP_MS = 60_000
const KEEP_BYTES = 16 << 20
/** The most that is in memory at once for clients that are still reading; they may be slow. */
const LENT_BYTES = 64 << 20
/** How long a host is taken to know no ranges after it showed so, milliseconds. */
const NO_RANGES_MS = 10 * 60_000
/** What a server answers that knows no ranges, or not this kind: the whole, or an error (H7). */
const NO_RANGES = new Set([200, 400, 405, 501])

/** Where a file comes from, and under which project its traffic is counted. */
export interface Source {
  readonly target: Target
  /** What tells its bytes from others that upstream had, or will have, at the same URL. */
  readonly version: string | undefined
  readonly sighting: Sighting
}

export interface PartsOptions {
  readonly upstream: Upstream
  readonly log: Log
  readonly metrics: Metrics
  /** Shutdown. A part is not for one client only, so that none's leaving ends a request. */
  readonly signal: AbortSignal
}

/**
 * Parts of files that are not stored, by ranged requests: what a resolver reads of a wheel to know what it needs, for which nobody
 * should download the wheel.
 *
 * Nothing verifies such a part, since the index promises a digest of the whole only. That is as good as asking upstream directly, which is
 * what the client would do without us; an installer checks the whole wheel once it installs it, and that comes from a verified download.
 * Nothing of a part is stored: it is kept in memory for a minute.
 */
export class Parts {
  readonly #options: PartsOptions
  readonly #flights = new SingleFlight<string, Uint8Array | undefined>()
  readonly #kept = new LRUCache<string, Uint8Array>({
    maxSize: KEEP_BYTES,
    sizeCalculation: ({ length }) => 256 + length,
    ttl: KEEP_MS,
  })
  /** Bytes of parts that clients are reading. */
  #lent = 0
  readonly #sizes = new LRUCache<string, number>({ max: 10_000, ttl: KEEP_MS })
  /** Hosts that give no ranges. */
  readonly #hostsWithout = new LRUCache<string, true>({ max: 1000, ttl: NO_RANGES_MS })

  constructor(options: PartsOptions) {
    this.#options = options
  }

  /**
   * The bytes of `range` in a file of `size` bytes, if that is known. Undefined where upstream does not give exactly these: then the whole has to be
   * downloaded.
   */
  async read(source: Source, range: ByteRange, size: number | undefined): Promise<Uint8Array | undefined> {
    const { target } = source
    if (this.#hostsWithout.has(hostOf(target))) return undefined
    const key = `${keyOf(source)} ${range.first}-${range.last}/${size}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    return this.#flights.run(key, async () => {
      const bytes = await this.#fetch(source, range, size)
      if (bytes !== undefined) this.#kept.set(key, bytes)
      return bytes
    })
  }

  /** The same for a client, who has to iterate it or give it up by `return`. Undefined also where others have too much in memory. */
  async open(source: Source, range: ByteRange, size: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const length = range.last - range.first + 1
    if (this.#lent + length > LENT_BYTES) return undefined
    using lending = new DisposableStack()
    lending.defer(() => void (this.#lent -= length))
    this.#lent += length
    const bytes = await this.read(source, range, size)
    if (bytes === undefined) return undefined
    const lent = lending.move()
    return new OwnedIteration(oneChunk(bytes), async () => lent.dispose())
  }

  /** Bytes of a file whose index does not say. Undefined where upstream does not either. */
  async measure(source: Source): Promise<number | undefined> {
    const key = keyOf(source)
    if (!this.#sizes.has(key)) await this.read(source, { first: 0, last: 0 }, undefined)
    return this.#sizes.get(key)
  }

  /** Nothing is known any more of a file. */
  forget(source: Source): void {
    const file = keyOf(source)
    this.#sizes.delete(file)
    for (const key of this.#kept.keys()) if (key.startsWith(`${file} `)) this.#kept.delete(key)
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#flights.settle()
  }

  async #fetch(source: Source, range: ByteRange, size: number | undefined): Promise<Uint8Array | undefined> {
    const { upstream, signal, log } = this.#options
    const { target, sighting } = source
    try {
      const response = await upstream.openPart(target, range, signal)
      if ((response.status === 200 || response.status === 206) && Number.isSafeInteger(response.size)) {
        this.#sizes.set(keyOf(source), response.size ?? 0)
      }
      const isIt = response.status === 206 && response.first === range.first && response.last === range.last
      if (isIt && (size === undefined || response.size === size)) return await this.#readBody(response, range, sighting)
      response.discard()
      if (NO_RANGES.has(response.status) || (response.status === 206 && !isIt)) {
        this.#hostsWithout.set(hostOf(target), true)
        log.info({ host: hostOf(target), status: response.status }, 'this file host gives no ranges')
      }
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      // Whoever asked downloads the whole instead, which tells them if that fails too.
      log.warn({ url: redactUrl(target.url), reason: error.message }, 'a part of a file was not to be had')
    }
    return undefined
  }

  /** Undefined where it has another length than it announced. */
  async #readBody(
    response: UpstreamFile,
    { first, last }: ByteRange,
    { index, project }: Sighting,
  ): Promise<Uint8Array | undefined> {
    const { metrics } = this.#options
    const bytes = Buffer.allocUnsafeSlow(last - first + 1)
    let filled = 0
    for await (const chunk of response.body) {
      metrics.bytesFromUpstream += chunk.length
      metrics.traffic.note(index, project, { bytesFromUpstream: chunk.length })
      if (filled + chunk.length > bytes.length) return undefined
      bytes.set(chunk, filled)
      filled += chunk.length
    }
    return filled === bytes.length ? bytes : undefined
  }
}

function keyOf({ target, version }: Source): string {
  return `${target.url} ${version}`
}

function hostOf(target: Target): string {
  return new URL(target.url).host
}
