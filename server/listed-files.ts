import { LRUCache } from 'lru-cache'
import type { Content } from '../routes/content.ts'
import { notFound, RouteError } from '../routes/errors.ts'
import type { FileOptions, FileReference } from '../routes/repository.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { DistributionRecord } from '../storage/model.ts'
import { type IndexName, isWheel } from '../storage/names.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import type { FileSource } from './file-source.ts'
import { findListing } from './find-listing.ts'
import type { IndexSource } from './index-source.ts'
import type { PageSource } from './page-source.ts'

/** How long the error of a background fetch is kept for the client that comes back for the file, milliseconds. */
const FAILURE_MS = 60_000

export interface ListedFilesOptions {
  readonly catalog: Catalog
  readonly pages: PageSource
  readonly files: FileSource
  /** In the order in which they are asked. */
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
}

/** Where a file is listed. */
interface Place {
  readonly index: IndexSource
  readonly reference: FileReference & { readonly sha256: Sha256 }
}

/** `wheel`: a file that is no wheel is of no use. */
export type FileKind = 'wheel' | 'file'

/**
 * Files that are not stored, by the SHA-256 that some index lists: they are had from there, as by their own URL, and so by the same rules.
 * The first index that has it gives it. One that is in trouble does not end the search, since whoever gives these bytes gives the same; but
 * trouble is not taken for absence.
 */
export class ListedFiles {
  readonly #options: ListedFilesOptions
  readonly #fetches = new SingleFlight<string, DistributionRecord | undefined>()
  readonly #failures = new LRUCache<string, Error>({ max: 1000, ttl: FAILURE_MS })

  constructor(options: ListedFilesOptions) {
    this.#options = options
  }

  /** As {@link FileSource.find}: from a download that who opens it follows. Undefined: no index is known to list it, or none has it. */
  async find(sha256: Sha256, options: FileOptions): Promise<Content | undefined> {
    const { files } = this.#options
    return firstOf(await this.#findPlaces(sha256), async ({ index, reference }) =>
      files.find(index, reference, options),
    )
  }

  /** Downloads it and waits until it is stored. Undefined likewise. */
  fetch(sha256: Sha256, kind: FileKind): Promise<DistributionRecord | undefined> {
    return this.#fetches.run(`${kind} ${sha256}`, async () => this.#fetch(await this.#findPlaces(sha256, kind)))
  }

  /**
   * Begins such a download in the background, unless it runs already. False: no index is known to list it. Where the last one failed, throws its error
   * instead, once.
   */
  async begin(sha256: Sha256, kind: FileKind): Promise<boolean> {
    const key = `${kind} ${sha256}`
    const failure = this.#failures.get(key)
    this.#failures.delete(key)
    if (failure !== undefined) throw failure
    const places = await this.#findPlaces(sha256, kind)
    if (places.length === 0) return false
    void this.#noteFailure(
      key,
      this.#fetches.run(key, () => this.#fetch(places)),
    )
    return true
  }

  /** Waits for what was begun. */
  settle(): Promise<void> {
    return this.#fetches.settle()
  }

  /** Never rejects. Whoever waits for the same fetch is told as well. */
  async #noteFailure(key: string, fetching: Promise<DistributionRecord | undefined>): Promise<void> {
    try {
      if ((await fetching) === undefined) this.#failures.set(key, notFound(`${key} upstream`))
    } catch (error) {
      this.#failures.set(key, error instanceof Error ? error : new Error(String(error), { cause: error }))
    }
  }

  #fetch(places: readonly Place[]): Promise<DistributionRecord | undefined> {
    const { pages, files, catalog } = this.#options
    return firstOf(places, async ({ index, reference }) => {
      const listing = await findListing(pages, index, reference)
      if (listing === undefined) return undefined
      await files.fetchOrFail(index, reference, listing)
      return catalog.findDistribution({ algorithm: 'sha256', hex: reference.sha256 })
    })
  }

  async #findPlaces(sha256: Sha256, kind: FileKind = 'file'): Promise<readonly Place[]> {
    const { catalog, pages, indexes } = this.#options
    const listing = await catalog.findPagesListing(sha256)
    const places: Place[] = []
    for (const index of listing.length === 0 ? [] : indexes.values()) {
      for (const { project } of listing.filter((page) => page.index === index.name)) {
        const known = await pages.findKnown(index, project)
        const listed = known?.snapshot?.page.files.find(({ hashes }) => hashes['sha256'] === sha256)
        if (listed === undefined || (kind === 'wheel' && !isWheel(listed.filename))) continue
        places.push({ index, reference: { index: index.name, sha256, filename: listed.filename } })
      }
    }
    return places
  }
}

async function firstOf<Found>(
  places: readonly Place[],
  ask: (place: Place) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const failures: unknown[] = []
  for (const place of places) {
    try {
      const found = await ask(place)
      if (found !== undefined) return found
    } catch (error) {
      // "Not found" is all that a RouteError says here.
      if (!(error instanceof RouteError)) failures.push(error)
    }
  }
  if (failures.length > 0) throw failures.at(0)
  return undefined
}
