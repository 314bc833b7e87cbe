import { LRUCache } from 'lru-cache'
import type { PageSnapshot } from '../routes/repository.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import type { ProjectPage, StoredPage } from '../storage/model.ts'
import type { ProjectName } from '../storage/names.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { retry, type RetryPolicy, statusError } from './downloads/open-file.ts'
import { UpstreamError } from './errors.ts'
import { isFresh, isServableStale } from './freshness.ts'
import { type IndexSource, pageTarget } from './index-source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { parsePage } from './pages/parse-page.ts'
import type { Upstream, UpstreamPage } from './upstream.ts'

/** How long "no such project" is believed, milliseconds (protocol.md G1: at most a minute). */
const ABSENT_MS = 30_000
/** After upstream failed, a page that may be served stale is, without asking again, for this long; milliseconds. */
const FAILED_MS = 5_000

export interface PageSourceOptions {
  readonly upstream: Upstream
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: RetryPolicy
  readonly memoryBytes: number
  readonly signal: AbortSignal
}

interface KeptPage {
  /** Undefined: upstream had no such project. */
  readonly snapshot: PageSnapshot | undefined
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** When upstream last confirmed it. */
  readonly fetchedAt: number
  /** Rough size in memory, bytes. */
  readonly weight: number
}

/** Project pages: from memory while fresh, from the catalog after a restart, from upstream otherwise, stale when upstream fails. */
export class PageSource {
  readonly #options: PageSourceOptions
  readonly #memory: LRUCache<string, KeptPage>
  readonly #refreshes = new SingleFlight<string, KeptPage>()
  readonly #failedAt = new Map<string, number>()

  constructor(options: PageSourceOptions) {
    this.#options = options
    this.#memory = new LRUCache({ maxSize: options.memoryBytes, sizeCalculation: ({ weight }) => weight })
  }

  /** Undefined: the index has no such project. Throws {@link UpstreamError} where that cannot be known. */
  async find(index: IndexSource, project: ProjectName): Promise<PageSnapshot | undefined> {
    const { clock, metrics } = this.#options
    const key = `${index.name}/${project}`
    const kept = this.#memory.get(key) ?? (await this.#load(index, project, key))
    if (kept !== undefined && this.#isFresh(kept, index)) {
      metrics.pageHits += 1
      return kept.snapshot
    }
    const failedAt = this.#failedAt.get(index.name) ?? -Infinity
    if (
      kept?.snapshot !== undefined &&
      clock() - failedAt < FAILED_MS &&
      isServableStale(kept.fetchedAt, clock(), index)
    ) {
      metrics.pageStale += 1
      return kept.snapshot
    }
    metrics.pageMisses += 1
    return (await this.#refreshes.run(key, () => this.#refresh(index, project, kept))).snapshot
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#refreshes.settle()
  }

  #isFresh(kept: KeptPage, index: IndexSource): boolean {
    const policy = kept.snapshot === undefined ? { ...index, freshMs: ABSENT_MS } : index
    return isFresh(kept.fetchedAt, this.#options.clock(), policy)
  }

  async #load(index: IndexSource, project: ProjectName, key: string): Promise<KeptPage | undefined> {
    const stored = await this.#options.catalog.findPage(index.name, project)
    // Somebody may have put a newer one there while we waited.
    return this.#memory.get(key) ?? (stored && this.#keep(key, stored))
  }

  async #refresh(index: IndexSource, project: ProjectName, kept: KeptPage | undefined): Promise<KeptPage> {
    const { clock, log, metrics } = this.#options
    try {
      const refreshed = await this.#ask(index, project, kept)
      this.#failedAt.delete(index.name)
      return refreshed
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      this.#failedAt.set(index.name, clock())
      if (kept?.snapshot === undefined || !isServableStale(kept.fetchedAt, clock(), index)) throw error
      metrics.pageStale += 1
      log.warn({ index: index.name, project, reason: error.message }, 'serving a stale page')
      return kept
    }
  }

  async #ask(index: IndexSource, project: ProjectName, kept: KeptPage | undefined): Promise<KeptPage> {
    const { upstream, policy, signal, metrics } = this.#options
    const target = pageTarget(index, project)
    const validators = kept?.snapshot === undefined ? {} : { etag: kept.etag, lastModified: kept.lastModified }
    const response = await retry(policy, signal, async () => {
      const answer = await upstream.fetchPage(target, validators, signal)
      metrics.bytesFromUpstream += answer.body.length
      if ([200, 304, 404, 410].includes(answer.status)) return answer
      throw statusError(target.url, answer.status, answer.retryAfterSeconds)
    })
    return this.#take(index, project, kept, response)
  }

  async #take(
    index: IndexSource,
    project: ProjectName,
    kept: KeptPage | undefined,
    response: UpstreamPage,
  ): Promise<KeptPage> {
    const { catalog, clock } = this.#options
    const key = `${index.name}/${project}`
    const fetchedAt = clock()
    if (response.status === 304 && kept !== undefined) {
      await catalog.confirmPage(index.name, project, fetchedAt)
      const confirmed = { ...kept, fetchedAt }
      this.#memory.set(key, confirmed)
      return confirmed
    }
    if (response.status !== 200) {
      await catalog.forgetPage(index.name, project)
      const absent = { snapshot: undefined, etag: undefined, lastModified: undefined, fetchedAt, weight: 256 }
      this.#memory.set(key, absent)
      return absent
    }
    const page = parsePage(response, project)
    const { etag, lastModified } = response
    const stored: StoredPage = { index: index.name, project, page, etag, lastModified, fetchedAt }
    await catalog.savePage(stored)
    return this.#keep(key, stored)
  }

  #keep(key: string, stored: StoredPage): KeptPage {
    const { index, page, etag, lastModified, fetchedAt } = stored
    const kept = { snapshot: { index, page }, etag, lastModified, fetchedAt, weight: weigh(page) }
    this.#memory.set(key, kept)
    return kept
  }
}

/** An estimate: a listed file's strings and objects take some 600 bytes. */
function weigh(page: ProjectPage): number {
  return 1024 + 600 * page.files.length
}
