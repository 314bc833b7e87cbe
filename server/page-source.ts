import { LRUCache } from 'lru-cache'
import type { FileReference, PageOptions, PageSnapshot } from '../routes/repository.ts'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import { type Clock, hasPassed } from '../storage/clock.ts'
import type { ProjectPage, StoredPage } from '../storage/model.ts'
import type { IndexName, ProjectName } from '../storage/names.ts'
import { Pace } from '../storage/pace.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { EmptyIndexes } from './empty-indexes.ts'
import { UpstreamError, type UpstreamErrorCode } from './errors.ts'
import { fetchPage, type FetchPageParts } from './fetch-page.ts'
import { isFresh, isServableStale } from './freshness.ts'
import { type IndexSource, pageTarget } from './index-source.ts'
import { ABSENT, type KeptPage, saysTheSame, weigh } from './kept-page.ts'
import type { Log } from './log.ts'
import { namedProjectsOf } from './named-projects.ts'
import type { PagePool } from './pages/page-pool.ts'
import type { UpstreamPage } from './upstream.ts'
import { isHostUnreached } from './upstream/failures.ts'
import { isAbsence } from './upstream/retry.ts'

/** How long "no such project" is believed, milliseconds (G1: at most a minute). */
const ABSENT_MS = 30_000
/** For this long after upstream failed, stale pages are served without asking it again; milliseconds. */
const FAILED_MS = 5_000
/** The catalog's note that an index does not have a project is written again when it is older than this, milliseconds. */
const NOTED_MS = 24 * 60 * 60_000
/** Errors by which upstream itself is in trouble, and not just one page of it. */
const OF_ALL_PAGES: ReadonlySet<UpstreamErrorCode> = new Set([
  'ERR_UPSTREAM_BUSY',
  'ERR_UPSTREAM_DOWN',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_UNTRUSTED',
])

export interface PageSourceOptions extends FetchPageParts {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log: Log
  readonly pool: PagePool
  readonly memoryBytes: number
  /** Adds what we know to upstream's page (metadata marks, upload times). The catalog keeps upstream's page without that. */
  readonly complete?: ((index: IndexSource, page: ProjectPage) => Promise<ProjectPage>) | undefined
}

/** Project pages: from memory while fresh, from the catalog after a restart, from upstream otherwise, stale when upstream fails. */
export class PageSource {
  readonly #options: PageSourceOptions
  readonly #memory: LRUCache<string, KeptPage>
  readonly #refreshes = new SingleFlight<string, KeptPage>()
  readonly #loads = new SingleFlight<string, KeptPage | undefined>()
  /** When upstream last failed, milliseconds since the epoch: by index, or by page where that page alone failed. */
  readonly #failedAt = new LRUCache<string, number>({ max: 1000 })
  readonly #empty: EmptyIndexes

  constructor(options: PageSourceOptions) {
    this.#options = options
    this.#empty = new EmptyIndexes(options)
    this.#memory = new LRUCache({ maxSize: options.memoryBytes, sizeCalculation: ({ weight }) => weight })
  }

  /**
   * Undefined: the index has no such project. No promise where the page is in memory and fresh. Throws (or rejects with)
   * {@link UpstreamError} where it cannot be known.
   */
  find(
    index: IndexSource,
    project: ProjectName,
    options: PageOptions = DEFAULT_OPTIONS,
  ): PageSnapshot | Promise<PageSnapshot | undefined> | undefined {
    const kept = this.#memory.get(keyOf(index.name, project))
    if (kept === undefined || !this.#isUsable(kept, index, options)) return this.#findElsewhere(index, project, options)
    return this.#hit(index, project, kept)
  }

  /**
   * The latest page that there is, however old, asking nobody; its snapshot is undefined where upstream had no such project.
   * Undefined: nothing is known. No promise where it is in memory. A page that is not fresh is asked for again, meanwhile.
   */
  findKnown(index: IndexSource, project: ProjectName): AtHand<Pick<KeptPage, 'snapshot'> | undefined> {
    return andThen(this.#memory.get(keyOf(index.name, project)) ?? this.#load(index, project), (kept) => {
      if (kept !== undefined) this.#refreshLater(index, project, kept, DEFAULT_OPTIONS)
      return kept
    })
  }

  /**
   * To be called when upstream has no such file as this page lists, or another one: the page is asked for again, unless upstream has just confirmed it.
   * Returns at once.
   */
  doubt(index: IndexSource, project: ProjectName): void {
    const kept = this.#memory.get(keyOf(index.name, project))
    if (kept !== undefined) this.#refreshLater(index, project, kept, { insists: true })
  }

  /**
   * The projects whose page may list a file, most likely first: those that its name tells, then those of which a page is known to list its
   * digest, since indexes also have files that are named otherwise (B16).
   */
  async *findProjectsOf(reference: FileReference): AsyncGenerator<ProjectName> {
    const { index, sha256 } = reference
    const named = namedProjectsOf(reference)
    yield* named
    const listing = sha256 === undefined ? [] : await this.#options.catalog.findPagesListing(sha256)
    for (const page of listing) if (page.index === index && !named.includes(page.project)) yield page.project
  }

  /** Asks upstream now; `before` is the latest page that was known. Throws {@link UpstreamError} where it gives no answer. */
  async refresh(
    index: IndexSource,
    project: ProjectName,
  ): Promise<{ readonly before: ProjectPage | undefined; readonly after: ProjectPage | undefined }> {
    const kept = this.#memory.get(keyOf(index.name, project)) ?? (await this.#load(index, project))
    // A key of its own, since other refreshes may resolve with a stale page.
    const refreshed = await this.#refreshes.run(`${keyOf(index.name, project)} now`, () =>
      this.#ask(index, project, kept),
    )
    return { before: kept?.page, after: refreshed.page }
  }

  /** Nothing is known of the page any more. False: nothing was. */
  async forget(index: IndexName, project: ProjectName): Promise<boolean> {
    const { catalog } = this.#options
    const wasStored =
      ((await catalog.findPage(index, project)) ?? (await catalog.findAbsence(index, project))) !== undefined
    await catalog.forgetPage(index, project)
    // Last, since somebody may have taken it from the catalog meanwhile.
    return this.#memory.delete(keyOf(index, project)) || wasStored
  }

  /**
   * Writes to the catalog that this index has no such project, if memory knows so: a restart then does not forget it. To be called only for projects
   * that another index has, or anybody could fill the catalog with made-up names. Returns at once.
   */
  noteAbsence(index: IndexSource, project: ProjectName): void {
    const key = keyOf(index.name, project)
    const kept = this.#memory.get(key)
    if (kept === undefined || kept.snapshot !== undefined) return
    const { fetchedAt, notedAt = -Infinity } = kept
    if (fetchedAt - notedAt < NOTED_MS) return
    this.#memory.set(key, { ...kept, notedAt: fetchedAt })
    const { catalog, log } = this.#options
    void catalog
      .saveAbsence(index.name, project, fetchedAt)
      .catch((error: unknown) => log.debug({ err: error, index: index.name, project }, 'an absence is not kept'))
  }

  /** To be called when what we add to this page has changed. */
  reconsider(index: IndexSource, project: ProjectName): void {
    // The next request takes it from the catalog, and completes it again.
    this.#memory.delete(keyOf(index.name, project))
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    await Promise.all([this.#refreshes.settle(), this.#loads.settle()])
  }

  async #findElsewhere(
    index: IndexSource,
    project: ProjectName,
    options: PageOptions,
  ): Promise<PageSnapshot | undefined> {
    const { clock, metrics } = this.#options
    const kept = this.#memory.get(keyOf(index.name, project)) ?? (await this.#load(index, project))
    if (kept !== undefined && this.#isUsable(kept, index, options)) {
      return this.#hit(index, project, kept)
    }
    if (
      kept?.snapshot !== undefined &&
      !this.#mayAsk(index, project) &&
      isServableStale(kept.fetchedAt, clock(), index)
    ) {
      metrics.pageStale += 1
      return kept.snapshot
    }
    metrics.pageMisses += 1
    const { snapshot } = await this.#refreshOnce(index, project, kept)
    // Only for projects that exist, or anybody could fill the catalog with made-up names.
    if (snapshot !== undefined) metrics.traffic.note(index.name, project, { misses: 1 })
    return snapshot
  }

  #hit(index: IndexSource, project: ProjectName, { snapshot }: KeptPage): PageSnapshot | undefined {
    const { metrics } = this.#options
    metrics.pageHits += 1
    if (snapshot !== undefined) metrics.traffic.note(index.name, project, HIT)
    return snapshot
  }

  #isUsable(kept: KeptPage, index: IndexSource, { insists }: PageOptions): boolean {
    if (index.mode === 'offline') return true
    // "No such project" is believed for a shorter time.
    const freshMs = kept.snapshot === undefined ? Math.min(ABSENT_MS, index.freshMs) : index.freshMs
    return isFresh(kept.fetchedAt, this.#options.clock(), { freshMs }, { insists })
  }

  /** False for {@link FAILED_MS} after upstream failed. */
  #mayAsk({ name }: IndexSource, project: ProjectName): boolean {
    const failures = [name, keyOf(name, project)].map((key) => this.#failedAt.get(key) ?? -Infinity)
    return failures.every((failedAt) => hasPassed(FAILED_MS, failedAt, this.#options.clock()))
  }

  /** From the catalog, once for all who ask meanwhile: a large page takes a while to be read. */
  #load(index: IndexSource, project: ProjectName): Promise<KeptPage | undefined> {
    const key = keyOf(index.name, project)
    return this.#loads.run(key, async () => {
      const stored = await this.#options.catalog.findPage(index.name, project)
      if (stored === undefined) return this.#memory.get(key) ?? (await this.#loadAbsence(index, project))
      const kept = await this.#complete(index, asOf(index, stored), undefined)
      // Somebody may have put a newer one there while we waited.
      return this.#memory.get(key) ?? this.#keep(stored, kept)
    })
  }

  async #loadAbsence(index: IndexSource, project: ProjectName): Promise<KeptPage | undefined> {
    const foundAt = await this.#options.catalog.findAbsence(index.name, project)
    const newer = this.#memory.get(keyOf(index.name, project))
    if (newer !== undefined || foundAt === undefined) return newer
    return this.#keep({ index: index.name, project }, { ...ABSENT, fetchedAt: foundAt, notedAt: foundAt })
  }

  #refreshOnce(index: IndexSource, project: ProjectName, kept: KeptPage | undefined): Promise<KeptPage> {
    return this.#refreshes.run(keyOf(index.name, project), () => this.#refresh(index, project, kept))
  }

  /** Unless the page is good enough. Returns at once. */
  #refreshLater(index: IndexSource, project: ProjectName, kept: KeptPage, options: PageOptions): void {
    if (this.#isUsable(kept, index, options) || !this.#mayAsk(index, project)) return
    // Nobody waits for this; a client that asks for the page gets an error of its own.
    this.#refreshOnce(index, project, kept).catch(() => {})
  }

  async #refresh(index: IndexSource, project: ProjectName, kept: KeptPage | undefined): Promise<KeptPage> {
    const { clock, log, metrics } = this.#options
    try {
      const refreshed = await this.#ask(index, project, kept)
      this.#failedAt.delete(index.name)
      this.#failedAt.delete(keyOf(index.name, project))
      return refreshed
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      const isOfAll = OF_ALL_PAGES.has(error.code) || isHostUnreached(error) === true
      this.#failedAt.set(isOfAll ? index.name : keyOf(index.name, project), clock())
      if (kept?.snapshot === undefined || !isServableStale(kept.fetchedAt, clock(), index)) throw error
      metrics.pageStale += 1
      log.warn({ index: index.name, project, reason: error.message }, 'serving a stale page')
      return kept
    }
  }

  async #ask(index: IndexSource, project: ProjectName, kept: KeptPage | undefined): Promise<KeptPage> {
    const { pool } = this.#options
    const target = { ...pageTarget(index, project), onLarge: () => pool.expectLarge() }
    const isKnown = kept?.snapshot !== undefined
    const response = await fetchPage(this.#options, target, {
      validators: isKnown ? { etag: kept.etag, lastModified: kept.lastModified } : {},
      isAnswer: (status) => status === 200 || (status === 304 && isKnown) || isAbsence(target, status),
    })
    return this.#take(index, project, kept, response)
  }

  async #take(
    index: IndexSource,
    project: ProjectName,
    kept: KeptPage | undefined,
    response: UpstreamPage,
  ): Promise<KeptPage> {
    const { catalog, clock, pool } = this.#options
    const fetchedAt = clock()
    if (response.status === 304 && kept?.page !== undefined) {
      await catalog.confirmPage(index.name, project, fetchedAt)
      const { etag, lastModified, page } = kept
      const stored = { index: index.name, project, page, source: index.url, etag, lastModified, fetchedAt }
      return this.#keep(stored, await this.#complete(index, stored, kept))
    }
    const { page, json } =
      response.status === 200 ? await pool.parse(response, project) : { page: undefined, json: undefined }
    if (page === undefined || (index.emptyMeansAbsent === true && page.files.length === 0)) {
      void this.#empty.noteAbsence(index, project)
      const isRemoved = kept?.snapshot !== undefined
      if (isRemoved) await catalog.saveAbsence(index.name, project, fetchedAt)
      return this.#keep(
        { index: index.name, project },
        { ...ABSENT, fetchedAt, notedAt: isRemoved ? fetchedAt : kept?.notedAt },
      )
    }
    const { etag, lastModified } = response
    const stored = { index: index.name, project, page, source: index.url, etag, lastModified, fetchedAt }
    await catalog.savePage(stored, { json })
    // A large page took a while to be written: others have their turn.
    if (json !== undefined) await new Pace().rest()
    return this.#keep(stored, await this.#complete(index, stored, undefined))
  }

  /** Adds what we know to upstream's page. `before`: what was kept of this page, which upstream has just confirmed. */
  async #complete(index: IndexSource, stored: StoredPage, before: KeptPage | undefined): Promise<KeptPage> {
    const { page, etag, lastModified, fetchedAt } = stored
    const completed = (await this.#options.complete?.(index, page)) ?? page
    // Renderings are kept by snapshot, so there is a new one only where the page says something new.
    const isSame = before?.snapshot !== undefined && saysTheSame(before.snapshot.page, completed)
    const snapshot = isSame ? before.snapshot : { index: index.name, page: completed }
    return { snapshot, page, etag, lastModified, fetchedAt, weight: before?.weight ?? weigh(page) }
  }

  #keep({ index, project }: Pick<StoredPage, 'index' | 'project'>, kept: KeptPage): KeptPage {
    this.#memory.set(keyOf(index, project), kept)
    return kept
  }
}

const HIT = { hits: 1 } as const
const DEFAULT_OPTIONS: PageOptions = { insists: false }

function keyOf(index: IndexName, project: ProjectName): string {
  return `${index}/${project}`
}

/** Without its validators, if it came from elsewhere: an index that was given another url may have an older page, which would count as unmodified. */
function asOf({ url }: IndexSource, stored: StoredPage): StoredPage {
  if (stored.source === undefined || stored.source === url) return stored
  return { ...stored, etag: undefined, lastModified: undefined }
}
