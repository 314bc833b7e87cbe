import { LRUCache } from 'lru-cache'
import type { Content } from '../routes/content.ts'
import type { FileReference } from '../routes/repository.ts'
import type { Digest } from '../storage/digest.ts'
import type { Distribution, DistributionRecord, ListedFile, Sighting } from '../storage/model.ts'
import { isWheel, projectsOf } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import type { StoredBlob } from '../storage/stored-blobs.ts'
import { describedContent, spoolContent, storedContent } from './contents.ts'
import { type Flight, type FlightOptions, startFlight } from './downloads/flight.ts'
import { UpstreamError } from './errors.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Metrics } from './metrics.ts'
import type { PageSource } from './page-source.ts'

export interface FileSourceOptions extends Omit<FlightOptions, 'onBytes'> {
  readonly pages: PageSource
  readonly metrics: Metrics
}

/** A file that an index lists, and where. */
export interface Listing {
  readonly listed: ListedFile
  readonly sighting: Sighting
}

/** Distribution files: from the store, or from one download that everybody who asks meanwhile follows. */
export class FileSource {
  readonly #options: FileSourceOptions
  readonly #store: Store
  readonly #flights = new Map<string, Flight>()
  /** What our URLs resolve to, so that a warm file costs no query. */
  readonly #resolved = new LRUCache<string, Distribution>({ max: 50_000 })

  constructor(options: FileSourceOptions) {
    this.#options = options
    this.#store = options.store
  }

  /** How many downloads run. */
  get downloads(): number {
    return this.#flights.size
  }

  /** Undefined: the index lists no such file. With `describe` nothing is downloaded for what the page already says. */
  async find(
    index: IndexSource,
    reference: FileReference,
    { describe }: { readonly describe: boolean },
  ): Promise<Content | undefined> {
    const stored = await this.findStored(reference)
    if (stored !== undefined) return this.#serveStored(stored)
    const listing = await this.findListing(index, reference)
    if (listing === undefined) return undefined
    const known = await this.#findListedElsewhere(reference, listing)
    if (known !== undefined) return this.#serveStored(known)
    const { size } = listing.listed
    if (describe && size !== undefined) return describedContent(size, reference.sha256)
    return this.#follow(index, reference, listing)
  }

  /** The stored distribution that a URL of ours names, if it was seen under that index and name. */
  async findStored(reference: FileReference): Promise<Distribution | undefined> {
    const { index, sha256, filename } = reference
    if (sha256 === undefined) return undefined
    const key = keyOf(reference)
    const resolved = this.#resolved.get(key)
    if (resolved !== undefined) return resolved
    const record = await this.#store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
    const isSeen = record?.sightings.some((seen) => seen.index === index && seen.filename === filename)
    if (record === undefined || isSeen !== true) return undefined
    this.#resolved.set(key, record)
    return record
  }

  /** What the index's page says of a file; asks upstream where the page is not fresh. */
  async findListing(index: IndexSource, reference: FileReference): Promise<Listing | undefined> {
    const { sha256, filename } = reference
    for (const project of projectsOf(filename)) {
      const snapshot = await this.#options.pages.find(index, project)
      const listed = snapshot?.page.files.find((file) => file.filename === filename && file.hashes['sha256'] === sha256)
      if (listed !== undefined) return { listed, sighting: { index: index.name, project, filename } }
    }
    return undefined
  }

  /** Downloads a listed file unless it is stored, and waits until it is. Undefined where it cannot be had or kept. */
  async fetch(index: IndexSource, reference: FileReference, listing: Listing): Promise<Distribution | undefined> {
    const stored = (await this.findStored(reference)) ?? (await this.#findListedElsewhere(reference, listing))
    return stored ?? this.#fly(index, reference, listing).landed
  }

  /**
   * A stored distribution by its own digest. Waits for a download of it, since who has just installed a wheel may ask for its tree before it
   * is committed.
   */
  async findByDigest(digest: Digest): Promise<DistributionRecord | undefined> {
    const { catalog } = this.#store
    const record = await catalog.findDistribution(digest)
    if (record !== undefined || this.#flights.size === 0) return record
    const awaited = [...this.#flights].filter(([key, flight]) => key === digest.hex || flight.isLanding())
    await Promise.all(awaited.map(([, { landed }]) => landed))
    return catalog.findDistribution(digest)
  }

  /** Forgets what URLs resolve to: some of it was pruned. */
  forget(): void {
    this.#resolved.clear()
  }

  /** Waits for running downloads. */
  async settle(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all([...this.#flights.values()].map(({ landed }) => landed))
  }

  async #serveStored(distribution: Distribution): Promise<Content | undefined> {
    const blob = await this.#store.findBlob(distribution.blake3)
    if (blob === undefined) return undefined
    this.#options.metrics.fileHits += 1
    this.#store.noteUse(distribution.blake3)
    return storedContent(blob, distribution.sha256)
  }

  /** The same bytes are stored already, by another index or name: note that this one lists them too. */
  async #findListedElsewhere({ sha256 }: FileReference, { sighting }: Listing): Promise<Distribution | undefined> {
    if (sha256 === undefined) return undefined
    const record = await this.#store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
    if (record !== undefined) await this.#store.catalog.addSighting(sha256, sighting)
    return record
  }

  async #follow(index: IndexSource, reference: FileReference, listing: Listing): Promise<Content | undefined> {
    this.#options.metrics.fileMisses += 1
    const flight = this.#fly(index, reference, listing)
    const spool = await flight.started
    return spool && spoolContent(spool, reference.sha256, () => this.#findLanded(flight, reference))
  }

  /** Throws {@link UpstreamError} where the download failed: why is in the log. */
  async #findLanded(flight: Flight, { filename }: FileReference): Promise<StoredBlob> {
    const distribution = await flight.landed
    const blob = distribution && (await this.#store.findBlob(distribution.blake3))
    if (blob === undefined)
      throw new UpstreamError('ERR_UPSTREAM_FILE', `the download of ${filename} failed; try again`)
    return blob
  }

  /** Joins the download of these bytes, whatever URL or index they were asked by, or starts it. */
  #fly(index: IndexSource, reference: FileReference, { listed, sighting }: Listing): Flight {
    const key = reference.sha256 ?? listed.url
    const running = this.#flights.get(key)
    if (running?.isJoinable() === true) return running
    const { metrics } = this.#options
    const flight = startFlight(
      { target: fileTarget(index, listed.url), listed, sighting },
      { ...this.#options, onBytes: (count) => (metrics.bytesFromUpstream += count) },
    )
    this.#flights.set(key, flight)
    void this.#land(key, flight, reference)
    return flight
  }

  async #land(key: string, flight: Flight, reference: FileReference): Promise<void> {
    const distribution = await flight.landed
    if (distribution !== undefined) {
      if (reference.sha256 !== undefined) this.#resolved.set(keyOf(reference), distribution)
      if (isWheel(reference.filename)) this.#store.unpackInBackground(distribution.blake3)
    }
    // Last, so that there is no moment at which the file is neither in flight nor stored.
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

function keyOf({ index, sha256, filename }: FileReference): string {
  return `${index}/${sha256}/${filename}`
}
