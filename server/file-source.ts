import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { SpoolProgress } from '../routes/administration.ts'
import type { ByteRange, Content } from '../routes/content.ts'
import { notFound } from '../routes/errors.ts'
import type { FileOptions, FileReference } from '../routes/repository.ts'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Blake3, Digest } from '../storage/digest.ts'
import type { Distribution, DistributionRecord, ListedFile } from '../storage/model.ts'
import { isWheel } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { spoolContent, storedContent, unfetchedContent } from './contents.ts'
import type { Flight, FlightOptions } from './downloads/flight.ts'
import { Flights } from './downloads/flights.ts'
import { isPartCheaper } from './downloads/part-or-whole.ts'
import { Parts, type Source } from './downloads/parts.ts'
import { Room, type RoomOptions } from './downloads/room.ts'
import { UpstreamError } from './errors.ts'
import { findListing, type Listing } from './find-listing.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { PageSource } from './page-source.ts'
import { UnhashedFiles } from './unhashed-files.ts'
import type { UploadTimes } from './upload-times.ts'
import { isWithdrawn } from './withdrawals.ts'

/**
 * E2: some installers fail on a HEAD without a length. Where only the end of a download tells it, a HEAD waits for that, but not for so long that others
 * give up; milliseconds.
 */
const LENGTH_PATIENCE_MS = 3000

export interface FileSourceOptions extends Omit<FlightOptions, 'room'> {
  readonly pages: PageSource
  /** Called when a wheel that was downloaded is in the store. */
  readonly onWheelKept?: ((wheel: Blake3, reference: FileReference, listed: ListedFile) => void) | undefined
  /** Called when upstream turned out to have other bytes than a listed file's, or none. */
  readonly onContradicted?: ((reference: FileReference) => void) | undefined
  /** Is told the `Last-Modified` of files that upstream sends. */
  readonly uploadTimes?: UploadTimes | undefined
  /** The store's limit, bytes. */
  readonly maxBytes: number | undefined
  /** What downloads leave free on the disk, bytes. */
  readonly keepFreeBytes?: number | undefined
}

/** A file that is asked for, and what memory says of it. */
interface Asked {
  readonly index: IndexSource
  readonly reference: FileReference
  /** Its index no longer offers it. */
  readonly withdrawn: AtHand<boolean>
  /** Its stored content, where memory knows what its URL resolves to. */
  readonly warm: AtHand<Content | undefined>
}

/** A file that is asked for, and what its index says of it. */
interface Wanted extends Listing {
  readonly index: IndexSource
  readonly reference: FileReference
}

/** Distribution files: from the store, or from one download that everybody who asks meanwhile follows. */
export class FileSource {
  readonly #options: FileSourceOptions
  readonly #store: Store
  readonly #flights: Flights
  readonly #parts: Parts
  readonly #unhashed: UnhashedFiles
  readonly #watched = new WeakSet<Flight>()
  /** What our URLs resolve to, so that a warm file costs no query. */
  readonly #resolved = new LRUCache<string, Distribution>({ max: 50_000 })

  constructor(options: FileSourceOptions) {
    this.#options = options
    this.#store = options.store
    const executePrune: RoomOptions['executePrune'] = (plan) =>
      options.store.executePrune(plan, { signal: options.signal }).finally(() => this.forget())
    this.#flights = new Flights({ ...options, room: new Room({ ...options, executePrune }) })
    this.#parts = new Parts(options)
    this.#unhashed = new UnhashedFiles({ ...options, catalog: options.store.catalog })
  }

  /** How many downloads run. */
  get downloads(): number {
    return this.#flights.size
  }

  /**
   * The content of a file: stored, or of a download that it joins or starts. Undefined: the index lists no such file, or upstream has it no more.
   * With `headersOnly`, and for a small `part`, a download is avoided. No promise where all that it takes is in memory.
   */
  find(index: IndexSource, reference: FileReference, options: FileOptions): AtHand<Content | undefined> {
    const withdrawn = isWithdrawn(this.#options.pages, index, reference)
    if (withdrawn === true) return undefined
    const resolved = withdrawn === false ? this.#resolved.get(urlKeyOf(reference)) : undefined
    const warm = this.#serve(resolved)
    if (warm !== undefined && !(warm instanceof Promise)) return warm
    return this.#findAnywhere({ index, reference, withdrawn, warm }, options)
  }

  async #findAnywhere(
    { index, reference, withdrawn, warm }: Asked,
    { headersOnly, part = false }: FileOptions,
  ): Promise<Content | undefined> {
    if (await withdrawn) return undefined
    const stored = (await warm) ?? (await this.#serve(await this.findStored(reference)))
    if (stored !== undefined) return stored
    const listing = await findListing(this.#options.pages, index, reference)
    if (listing === undefined) return undefined
    const known = await this.#serve(
      reference.sha256 === undefined
        ? await this.#unhashed.findCurrent(index, listing)
        : await this.#adoptStored(reference, listing),
    )
    if (known !== undefined) return known
    const wanted = { index, reference, ...listing }
    const size = headersOnly || part ? await this.#measure(wanted) : undefined
    if (size === undefined) return this.#follow(wanted, { headersOnly })
    return unfetchedContent(size, reference.sha256, (range, signal) => this.#open(wanted, { range, size, signal }))
  }

  /**
   * The stored distribution that a URL of ours names, if it was seen under that index and name. Asks the catalog, not memory, since another process
   * may have pruned it.
   */
  async findStored(reference: FileReference): Promise<Distribution | undefined> {
    const { index, sha256, filename } = reference
    if (sha256 === undefined) return undefined
    const record = await this.#store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
    const isSeen = record?.sightings.some((seen) => seen.index === index && seen.filename === filename)
    if (record === undefined || isSeen !== true) return undefined
    const { blake3, size, storedAt } = record
    const distribution = { sha256, blake3, size, storedAt }
    this.#resolved.set(urlKeyOf(reference), distribution)
    return distribution
  }

  /** What is stored of a file of which its index lists no SHA-256, if that is what upstream has now. */
  findStoredUnhashed(index: IndexSource, listing: Listing): Promise<Distribution | undefined> {
    return this.#unhashed.findStored(index, listing)
  }

  /** What is being downloaded. */
  listDownloads(): readonly SpoolProgress[] {
    return this.#flights.list().map(({ sighting: { index, project, filename }, size, progress: { received } }) => {
      return { index, project, filename, size, received }
    })
  }

  /** As {@link fetch}, but makes sure that the file of what is stored is there, and throws the error that ended the download. */
  async fetchOrFail(index: IndexSource, reference: FileReference, listing: Listing): Promise<Distribution> {
    const known = (await this.findStored(reference)) ?? (await this.#adoptStored(reference, listing))
    const stored = known && (await this.#store.findDistribution(known.blake3)) && known
    if (stored !== undefined) return stored
    const flight = this.#fly({ index, reference, ...listing })
    const distribution = await flight.awaitLanding()
    if (distribution !== undefined) return distribution
    throw flight.failure ?? notFound(`file ${reference.filename} upstream`)
  }

  /** Downloads a listed file unless it is stored, and waits until it is. Undefined where it cannot be had or kept. */
  async fetch(index: IndexSource, reference: FileReference, listing: Listing): Promise<Distribution | undefined> {
    const stored = (await this.findStored(reference)) ?? (await this.#adoptStored(reference, listing))
    return stored ?? this.#fly({ index, reference, ...listing }).awaitLanding()
  }

  /**
   * A few bytes of a listed file that is not stored, both ends included, unverified (see {@link Parts}). Undefined where upstream does not give
   * just these.
   */
  async readPart(
    index: IndexSource,
    listing: Listing,
    range: ByteRange,
    size: number,
  ): Promise<Uint8Array | undefined> {
    return this.#parts.read(this.#sourceOf(index, listing), range, size)
  }

  /** Bytes of a listed file that is not stored, by its page or by asking upstream. Undefined where nobody says. */
  async measure(index: IndexSource, listing: Listing): Promise<number | undefined> {
    return listing.listed.size ?? this.#parts.measure(this.#sourceOf(index, listing))
  }

  /**
   * A stored distribution by its own digest. Waits for a download of it, since who has just installed a wheel may ask for its tree before it
   * is committed.
   */
  async findByDigest(digest: Digest): Promise<DistributionRecord | undefined> {
    const { catalog } = this.#store
    const record = await catalog.findDistribution(digest)
    if (record !== undefined || this.#flights.size === 0) return record
    await this.#flights.settleFor(digest.hex)
    return catalog.findDistribution(digest)
  }

  /** Whether a download of it runs. */
  isFetching(digest: Digest): boolean {
    return this.#flights.isFetching(digest.hex)
  }

  /** Forgets what URLs resolve to: some of it was pruned. */
  forget(): void {
    this.#resolved.clear()
  }

  /** Waits for running downloads. */
  async settle(): Promise<void> {
    await Promise.all([this.#flights.settle(), this.#parts.settle()])
    await this.#unhashed.settle()
  }

  /** The content of what is stored, counted as a hit and a use. Undefined also where its file is gone: it can be downloaded again. */
  #serve(distribution: Distribution | undefined): AtHand<Content | undefined> {
    if (distribution === undefined) return undefined
    return andThen(this.#store.findDistribution(distribution.blake3), (blob) => {
      if (blob === undefined) return undefined
      this.#options.metrics.fileHits += 1
      this.#store.noteUse(distribution.blake3)
      return storedContent(blob, distribution.sha256)
    })
  }

  /** If the same bytes are stored already, seen on another index or under another name: notes that this index lists them, too. */
  async #adoptStored({ sha256 }: FileReference, { sighting }: Listing): Promise<Distribution | undefined> {
    if (sha256 === undefined) return undefined
    const record = await this.#store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
    if (record !== undefined) await this.#store.catalog.addSighting(sha256, sighting)
    return record
  }

  /** The size of what is not stored. Throws where a download would be refused, so that HEAD promises nothing that GET refuses. */
  async #measure(wanted: Wanted): Promise<number | undefined> {
    fileTarget(wanted.index, wanted.listed.url)
    return this.#flights.find(this.#bytesKeyOf(wanted))?.size ?? this.measure(wanted.index, wanted)
  }

  /** A part of a file, from upstream or from a download, whichever is cheaper; or the whole. */
  async #open(
    wanted: Wanted,
    { range, size, signal }: { range: ByteRange | undefined; size: number; signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const progress = this.#flights.find(this.#bytesKeyOf(wanted))?.progress
    if (range !== undefined && isPartCheaper(range, size, progress)) {
      const part = await this.#parts.open(this.#sourceOf(wanted.index, wanted), range, size)
      if (part !== undefined) {
        this.#options.metrics.fileMisses += 1
        return part
      }
    }
    const content = await this.#follow(wanted)
    if (content === undefined) throw notFound(`file ${wanted.reference.filename}`)
    return content.open(range, signal)
  }

  async #follow(wanted: Wanted, { headersOnly = false } = {}): Promise<Content | undefined> {
    this.#options.metrics.fileMisses += 1
    const flight = this.#fly(wanted)
    const spool = await flight.started
    if (spool === undefined) return this.#contentOf(await flight.landed)
    const content = spoolContent(spool, wanted.reference.sha256, () => this.#findLanded(flight, wanted))
    if (!headersOnly || spool.size !== undefined) return content
    const landed = await Promise.race([flight.landed, delay(LENGTH_PATIENCE_MS, undefined, { ref: false })])
    return (await this.#contentOf(landed)) ?? content
  }

  /** What was downloaded just now: no hit, and used by being stored. */
  async #contentOf(landed: Distribution | undefined): Promise<Content | undefined> {
    const blob = landed && (await this.#store.findDistribution(landed.blake3))
    return blob && storedContent(blob, landed.sha256)
  }

  /** What a download became in the store. Throws {@link UpstreamError} where it failed; the log has the reason. */
  async #findLanded(flight: Flight, { reference }: Wanted): Promise<Content> {
    const content = await this.#contentOf(await flight.landed)
    if (content === undefined)
      throw new UpstreamError('ERR_UPSTREAM_FILE', `the download of ${reference.filename} failed; try again`)
    return content
  }

  #sourceOf(index: IndexSource, { listed, sighting }: Listing): Source {
    const onLastModified = this.#options.uploadTimes?.listenTo(index, sighting.project, listed)
    const target = { ...fileTarget(index, listed.url), onLastModified }
    return { target, version: this.#versionOf(index, listed), sighting }
  }

  /** Joins the download of these bytes, or starts it. */
  #fly(wanted: Wanted): Flight {
    const { index, reference, listed } = wanted
    const findStored = (): Promise<Distribution | undefined> => this.#findIntact(reference)
    const flown = { ...this.#sourceOf(index, wanted), listed, findStored }
    const version = this.#versionOf(index, listed)
    const flight = this.#flights.join(this.#bytesKeyOf(wanted), flown, (distribution) => {
      if (reference.sha256 === undefined) this.#unhashed.keep(index, wanted, { version, distribution })
      else this.#resolved.set(urlKeyOf(reference), distribution)
      if (!isWheel(reference.filename)) return
      this.#store.unpackLater(distribution.blake3)
      this.#options.onWheelKept?.(distribution.blake3, reference, listed)
    })
    if (!this.#watched.has(flight)) void this.#watch(flight, wanted, flown)
    return flight
  }

  /** Where upstream has another file than its page lists, the page is out of date. */
  async #watch(flight: Flight, { index, reference, sighting }: Wanted, source: Source): Promise<void> {
    this.#watched.add(flight)
    const distribution = await flight.landed
    if (distribution !== undefined || !flight.contradictsPage) return
    this.#options.pages.doubt(index, sighting.project)
    this.#parts.forget(source)
    this.#options.onContradicted?.(reference)
  }

  /**
   * The key of a download: what tells its bytes from any others, and its URL, lest an index waits for what another one's file host does, or fails
   * with it.
   */
  #bytesKeyOf({ index, reference, listed }: Wanted): string {
    return `${reference.sha256 ?? this.#versionOf(index, listed)} ${listed.url}`
  }

  #versionOf(index: IndexSource, listed: ListedFile): string | undefined {
    return listed.hashes['sha256'] ?? this.#unhashed.findVersion(index, listed)
  }

  async #findIntact({ sha256 }: FileReference): Promise<Distribution | undefined> {
    if (sha256 === undefined) return undefined
    const record = await this.#store.catalog.findDistribution({ algorithm: 'sha256', hex: sha256 })
    return record && (await this.#store.findDistribution(record.blake3)) && record
  }
}

function urlKeyOf({ index, sha256, filename }: FileReference): string {
  return `${index}/${sha256}/${filename}`
}
