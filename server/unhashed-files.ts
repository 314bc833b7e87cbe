import { LRUCache } from 'lru-cache'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import type { Distribution, ListedFile } from '../storage/model.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import type { Log } from './log.ts'
import { UpstreamError } from './errors.ts'
import type { Listing } from './find-listing.ts'
import { isFresh } from './freshness.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Upstream } from './upstream.ts'
import { isAbsence, statusError } from './upstream/retry.ts'

/** What an upstream that will not tell answers; other statuses below 500 are of one that has no such file, or knows no ranges. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429])

export interface UnhashedFilesOptions {
  readonly upstream: Upstream
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface Binding {
  /** As {@link listingOf} has it. */
  readonly listing: string
  /** Upstream's ETag or Last-Modified, seen before the download began: if the file changes meanwhile, it is fetched once more. */
  readonly validator: string | undefined
  readonly checkedAt: number
  /** Undefined until it is stored. */
  readonly distribution: Distribution | undefined
}

/**
 * Remembers which stored bytes are those of a file whose index lists no SHA-256 (E17), and which upstream may overwrite in place. Where the index lists
 * a weaker hash, the stored bytes were checked against that, and are right as long as it stays the same. Without any hash upstream is asked whether the
 * file has changed, as often as for a page.
 */
export class UnhashedFiles {
  readonly #options: UnhashedFilesOptions
  readonly #bindings = new LRUCache<string, Binding>({ max: 10_000 })
  readonly #checks = new SingleFlight<string, string | UpstreamError | undefined>()
  readonly #saves = new Set<Promise<void>>()

  constructor(options: UnhashedFilesOptions) {
    this.#options = options
  }

  /** The stored bytes of a file, if upstream still has the same. */
  async findCurrent(index: IndexSource, { listed }: Listing): Promise<Distribution | undefined> {
    const { clock, log } = this.#options
    const key = keyOf(index, listed)
    const listing = listingOf(listed)
    const findKept = (): Binding | undefined => {
      const found = this.#bindings.get(key)
      return found?.listing === listing ? found : undefined
    }
    await this.#load(index, listed)
    const before = findKept()
    const isBound = before?.distribution !== undefined && Object.keys(listed.hashes).length > 0
    if (before !== undefined && (isBound || isFresh(before.checkedAt, clock(), index))) return before.distribution
    const checkedAt = clock()
    const validator = await this.#checks.run(key, () => this.#validate(index, listed))
    // Once more, since a download may have been stored meanwhile.
    const kept = findKept()
    if (validator instanceof UpstreamError) {
      if (kept === undefined)
        this.#bindings.set(key, { listing, validator: undefined, checkedAt, distribution: undefined })
      if (kept?.distribution === undefined || index.mode === 'strict') return undefined
      log.warn(
        { index: index.name, file: listed.filename, reason: validator.message },
        'serving a file that may be old',
      )
      return kept.distribution
    }
    const distribution = validator !== undefined && validator === kept?.validator ? kept.distribution : undefined
    this.#bindings.set(key, { listing, validator, checkedAt, distribution })
    return distribution
  }

  /** The same, but upstream is asked nothing where nothing of it is stored. */
  async findStored(index: IndexSource, listing: Listing): Promise<Distribution | undefined> {
    const kept = await this.#load(index, listing.listed)
    return kept?.distribution && this.findCurrent(index, listing)
  }

  /** Which version {@link findCurrent} saw last, by what its index and upstream say of it. */
  findVersion(index: IndexSource, listed: ListedFile): string | undefined {
    const kept = this.#bindings.get(keyOf(index, listed))
    return kept && versionOf(kept)
  }

  /** A download is stored. `version` is what {@link findVersion} said when it began: if that has changed since, nothing is kept. */
  keep(
    index: IndexSource,
    { listed }: Listing,
    { version, distribution }: { readonly version: string | undefined; readonly distribution: Distribution },
  ): void {
    const key = keyOf(index, listed)
    const kept = this.#bindings.get(key)
    if (kept === undefined || versionOf(kept) !== version) return
    this.#bindings.set(key, { ...kept, distribution })
    const { catalog, log } = this.#options
    const save = catalog
      .saveUnhashed(index.name, listed.url, { ...kept, sha256: distribution.sha256 })
      .catch((error: unknown) =>
        log.warn({ err: error, file: listed.filename }, 'this file is fetched again after a restart'),
      )
      .finally(() => this.#saves.delete(save))
    this.#saves.add(save)
  }

  /** Waits for what is being saved. */
  async settle(): Promise<void> {
    await Promise.all(this.#saves)
  }

  async #load(index: IndexSource, { url }: ListedFile): Promise<Binding | undefined> {
    const key = keyOf(index, { url })
    const kept = this.#bindings.get(key)
    if (kept !== undefined) return kept
    const saved = await this.#options.catalog.findUnhashed(index.name, url)
    // Somebody may have asked upstream while we waited.
    if (saved !== undefined && !this.#bindings.has(key)) this.#bindings.set(key, saved)
    return this.#bindings.get(key)
  }

  /** Undefined: upstream says nothing that tells one version from another. An error: it is in trouble. */
  async #validate(index: IndexSource, listed: ListedFile): Promise<string | UpstreamError | undefined> {
    const { upstream, signal } = this.#options
    try {
      const target = fileTarget(index, listed.url)
      const response = await upstream.openPart(target, { first: 0, last: 0 }, signal)
      response.discard()
      const { status } = response
      const isTrouble = status >= 500 || (REFUSALS.has(status) && !isAbsence(target, status))
      if (isTrouble) return statusError(target.url, status, response.retryAfterSeconds)
      return response.validator === undefined ? undefined : `${response.validator} ${response.size}`
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      return error
    }
  }
}

/** What an index lists of a file by which other bytes of the same URL can be told: hashes and size, as JSON. */
export function listingOf({ hashes, size }: ListedFile): string {
  return JSON.stringify([hashes, size])
}

function versionOf({ listing, validator }: Binding): string {
  return `${listing} ${validator}`
}

function keyOf({ name }: IndexSource, { url }: Pick<ListedFile, 'url'>): string {
  return `${name} ${url}`
}
