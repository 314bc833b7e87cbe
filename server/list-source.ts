import type { ProjectListSnapshot } from '../routes/repository.ts'
import type { Clock } from '../storage/clock.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { retry, type RetryPolicy, statusError } from './downloads/open-file.ts'
import { UpstreamError } from './errors.ts'
import { isFresh, isServableStale } from './freshness.ts'
import { type IndexSource, listTarget } from './index-source.ts'
import { parseProjectList } from './pages/parse-page.ts'
import type { Upstream } from './upstream.ts'

/** A public index's list has hundreds of thousands of names and is wanted by mirrors, not by installers; milliseconds. */
const FRESH_MS = 30 * 60_000

interface ListSourceOptions {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly policy: RetryPolicy
  readonly signal: AbortSignal
}

interface KeptList {
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
      return await this.#refreshes.run(index.name, () => this.#ask(index))
    } catch (error) {
      const isUsable = kept !== undefined && isServableStale(kept.fetchedAt, clock(), policy)
      if (isUsable && error instanceof UpstreamError) return kept.snapshot
      throw error
    }
  }

  async #ask(index: IndexSource): Promise<ProjectListSnapshot> {
    const { upstream, clock, policy, signal } = this.#options
    const target = listTarget(index)
    const response = await retry(policy, signal, async () => {
      const answer = await upstream.fetchPage(target, {}, signal)
      if (answer.status === 200) return answer
      throw statusError(target.url, answer.status, answer.retryAfterSeconds)
    })
    const snapshot = { index: index.name, projects: parseProjectList(response) }
    this.#kept.set(index.name, { snapshot, fetchedAt: clock() })
    return snapshot
  }
}
