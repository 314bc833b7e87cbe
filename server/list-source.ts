import type { ProjectListSnapshot } from '../routes/repository.ts'
import type { Clock } from '../storage/clock.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { UpstreamError } from './errors.ts'
import { fetchPage, type FetchPageParts } from './fetch-page.ts'
import { isFresh, isServableStale } from './freshness.ts'
import { type IndexSource, listTarget } from './index-source.ts'
import type { PagePool } from './pages/page-pool.ts'
import type { UpstreamPage } from './upstream.ts'

/** A public index's list has hundreds of thousands of names and is wanted by mirrors, not by installers; milliseconds. */
const FRESH_MS = 30 * 60_000

interface ListSourceOptions extends FetchPageParts {
  readonly clock: Clock
  readonly pool: PagePool
}

interface KeptList extends Pick<UpstreamPage, 'etag' | 'lastModified'> {
  readonly snapshot: ProjectListSnapshot
  readonly fetchedAt: number
}

/** The lists of projects, one per index, in memory. */
export class ListSource {
  readonly #options: ListSourceOptions
  readonly #kept = new Map<string, KeptList>()
  readonly #refreshes = new SingleFlight<string, ProjectListSnapshot>()

  constructor(options: ListSourceOptions) {
    this.#options = options
  }

  /** Throws {@link UpstreamError} where upstream has no list, or none that can be had. */
  async find(index: IndexSource): Promise<ProjectListSnapshot> {
    const { clock } = this.#options
    const policy = { ...index, freshMs: FRESH_MS }
    const kept = this.#kept.get(index.name)
    if (kept !== undefined && isFresh(kept.fetchedAt, clock(), policy)) return kept.snapshot
    try {
      return await this.#refreshes.run(index.name, () => this.#ask(index, kept))
    } catch (error) {
      const isUsable = kept !== undefined && isServableStale(kept.fetchedAt, clock(), policy)
      if (isUsable && error instanceof UpstreamError) return kept.snapshot
      throw error
    }
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    await this.#refreshes.settle()
  }

  async #ask(index: IndexSource, kept: KeptList | undefined): Promise<ProjectListSnapshot> {
    const { clock, pool } = this.#options
    const target = { ...listTarget(index), onLarge: () => pool.expectLarge() }
    const response = await fetchPage(this.#options, target, {
      validators: { etag: kept?.etag, lastModified: kept?.lastModified },
      isAnswer: (status) => status === 200 || (status === 304 && kept !== undefined),
    })
    const fetchedAt = clock()
    if (response.status === 304 && kept !== undefined) {
      this.#kept.set(index.name, { ...kept, fetchedAt })
      return kept.snapshot
    }
    const snapshot = { index: index.name, projects: await pool.parseList(response) }
    const { etag, lastModified } = response
    this.#kept.set(index.name, { snapshot, fetchedAt, etag, lastModified })
    return snapshot
  }
}
