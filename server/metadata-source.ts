import type { Content } from '../routes/content.ts'
import type { FileReference, PageSnapshot } from '../routes/repository.ts'
import { readRemoteMetadata } from '../storage/archive/remote-metadata.ts'
import type { AtHand } from '../storage/at-hand.ts'
import type { Clock } from '../storage/clock.ts'
import { type Blake3, hashBlake3, hashSha256, type Sha256 } from '../storage/digest.ts'
import { ArchiveRefusedError } from '../storage/errors.ts'
import type { Distribution, ListedFile } from '../storage/model.ts'
import { type Filename, type IndexName, isWheel, type ProjectName } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { findMetadataPath } from '../storage/wheel-metadata.ts'
import { memoryContent } from './contents.ts'
import { UpstreamError } from './errors.ts'
import { fetchMetadata } from './fetch-metadata.ts'
import type { FetchPageParts } from './fetch-page.ts'
import type { FileSource } from './file-source.ts'
import { findKnownListing, findListing, type Listing } from './find-listing.ts'
import type { IndexSource } from './index-source.ts'
import type { Log } from './log.ts'
import { isMarkedByUs } from './metadata-marks.ts'
import { MetadataMemory } from './metadata-memory.ts'
import type { PageSource } from './page-source.ts'
import { findOfferingPage, isWithdrawn } from './withdrawals.ts'

export interface MetadataSourceOptions extends FetchPageParts {
  readonly store: Store
  readonly clock: Clock
  readonly pages: PageSource
  readonly files: FileSource
  readonly log: Log
  /** For metadata that was used last, bytes. */
  readonly memoryBytes: number
  /** A wheel turned out to have no metadata, though our page (and only ours) says that it has some. */
  readonly onAbsent?: ((index: IndexSource, project: ProjectName) => void) | undefined
  /** The metadata of a wheel has another digest than its page promises. */
  readonly onMismatch?: ((index: IndexSource, listing: Listing, digest: Sha256) => void) | undefined
}

/** What is kept for a wheel without metadata, so that our pages do not promise it again. */
const NONE = new Uint8Array()

/** Core metadata (PEP 658): the METADATA of a wheel, exactly as it is in the wheel. */
export class MetadataSource {
  readonly #options: MetadataSourceOptions
  readonly #memory: MetadataMemory
  readonly #flights = new SingleFlight<string, Uint8Array | undefined>()
  /**
   * Files whose kept metadata was compared with their page since the start: once each, since that takes as long as the rest of a request. By
   * object, since the routes mostly use the same reference again for the same URL.
   */
  readonly #compared = new WeakSet<FileReference>()

  constructor(options: MetadataSourceOptions) {
    this.#options = options
    this.#memory = new MetadataMemory(options.memoryBytes)
  }

  /** Undefined: no such wheel, or neither the index nor the store has its metadata. No promise where it is in memory. */
  find(index: IndexSource, reference: FileReference): AtHand<Content | undefined> {
    if (!isWheel(reference.filename)) return undefined
    const page = findOfferingPage(this.#options.pages, index, reference)
    const known = page && this.#memory.find(reference, page)
    return known ?? this.#findAnywhere(index, reference, page)
  }

  async #findAnywhere(
    index: IndexSource,
    reference: FileReference,
    page: PageSnapshot | undefined,
  ): Promise<Content | undefined> {
    const { generation } = this.#memory
    const bytes = await this.#findBytes(index, reference)
    if (bytes === undefined) return undefined
    const content = memoryContent(bytes, { sha256: hashSha256(bytes), blake3: hashBlake3(bytes) })
    if (page !== undefined) this.#memory.keep(reference, { page, content }, generation)
    return content
  }

  async #findBytes(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { sha256, filename } = reference
    const { pages, store } = this.#options
    if (await isWithdrawn(pages, index, reference)) return undefined
    const kept = sha256 && (await store.catalog.findMetadata(sha256, index.name))
    if (kept?.isClaim === true) {
      if (this.#compared.has(reference)) return kept.content
      this.#compared.add(reference)
      this.#reportMismatch(index, await findKnownListing(pages, index, reference), kept.content)
      return kept.content
    }
    if (kept !== undefined && (await this.#isAsPromised(index, reference, kept.content))) {
      return kept.content.length === 0 ? undefined : kept.content
    }
    return this.#flights.run(`${index.name}/${sha256}/${filename}`, () => this.#make(index, reference))
  }

  /** Tries in turn: the stored wheel, upstream's `.metadata`, ranges of the wheel, and the whole wheel, which is downloaded for it. */
  async #make(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { pages, onAbsent } = this.#options
    const stored = await this.#findStored(index, reference)
    const own = stored && (await this.#readWheel(stored.blake3, reference.filename))
    if (own !== undefined && (await this.#isAsPromised(index, reference, own))) {
      await this.#save(reference, own)
      return own
    }
    const listing = await findListing(pages, index, reference)
    if (listing?.listed.coreMetadata === undefined) return own
    // Whether our page says that it has metadata, though upstream's does not.
    const isOurs = isMarkedByUs(listing.listed)
    const claim = { claimedBy: index.name }
    const fetched = isOurs ? undefined : await fetchMetadata(this.#options, index, listing.listed)
    if (fetched !== undefined) {
      await this.#save(reference, fetched, claim)
      return fetched
    }
    let content = await this.#byRanges(index, reference, listing)
    if (content === undefined) {
      content = await this.#fromWheel(index, reference, listing)
      await this.#save(reference, content ?? (isOurs ? NONE : undefined), isOurs ? {} : claim)
      if (content === undefined && isOurs) onAbsent?.(index, listing.sighting.project)
    }
    if (content !== undefined) this.#reportMismatch(index, listing, content)
    return content
  }

  #reportMismatch(index: IndexSource, listing: Listing | undefined, content: Uint8Array): void {
    if (listing === undefined || matchesListing(listing, content)) return
    this.#options.onMismatch?.(index, listing, hashSha256(content))
  }

  async #findStored(index: IndexSource, reference: FileReference): Promise<Distribution | undefined> {
    const { pages, files } = this.#options
    if (reference.sha256 !== undefined) return files.findStored(reference)
    const listing = await findListing(pages, index, reference)
    return listing && files.findStoredUnhashed(index, listing)
  }

  /**
   * May this metadata of the wheel itself be served? Installers compare it with the digest on the page, which upstream may have got wrong: then
   * what has that digest must be served instead. {@link NONE} may be where only our own page promises any.
   */
  async #isAsPromised(index: IndexSource, reference: FileReference, own: Uint8Array): Promise<boolean> {
    const listing = await findKnownListing(this.#options.pages, index, reference)
    if (own.length === 0) return listing?.listed.coreMetadata === undefined || isMarkedByUs(listing.listed)
    return matchesListing(listing, own)
  }

  /** Reads a wheel's metadata by ranges, and keeps it. False where its host gives no ranges, or the archive cannot be read so. */
  async tryRanges(index: IndexSource, listing: Listing): Promise<boolean> {
    const { listed, sighting } = listing
    const reference = { ...sighting, sha256: listed.hashes['sha256'] as Sha256 | undefined }
    return (await this.#byRanges(index, reference, listing)) !== undefined
  }

  /**
   * To be called when a wheel was stored. If its index has no `.metadata` beside it, the wheel's own metadata is kept, replacing what was read
   * by ranges; but only once no download runs any more. Returns at once.
   */
  keepFromStore(wheel: Blake3, reference: FileReference, listed: ListedFile): void {
    const isTheirs = listed.coreMetadata !== undefined && !isMarkedByUs(listed)
    if (isTheirs || reference.sha256 === undefined || !isWheel(reference.filename)) return
    const kept = this.#flights.run(`stored ${reference.sha256}`, async () => {
      // Reading it unpacks the wheel, which would slow down an installer that still waits for other wheels.
      await this.#options.store.awaitLull(this.#options.signal)
      const content = await this.#readWheel(wheel, reference.filename)
      await this.#save(reference, content ?? NONE)
      return content
    })
    kept.catch((error: unknown) =>
      this.#options.log.debug({ err: error, file: reference.filename }, 'no metadata kept'),
    )
  }

  /**
   * To be called when upstream turned out to have another wheel, of which the metadata may be that was read by ranges. What other indexes say stays,
   * and what was read from the whole wheel. Returns at once.
   */
  doubt({ index, sha256 }: FileReference): void {
    if (sha256 === undefined) return
    this.forget([sha256], { claimedBy: index }).catch((error: unknown) =>
      this.#options.log.debug({ err: error }, 'metadata was not dropped'),
    )
  }

  /** Nothing is known any more of the metadata of these wheels, or what one index claims. Resolves with how many had some. */
  async forget(wheels: readonly Sha256[], source: { readonly claimedBy?: IndexName } = {}): Promise<number> {
    const count = await this.#options.store.catalog.forgetMetadata(wheels, source)
    for (const wheel of wheels) this.#memory.forget(wheel)
    return count
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#flights.settle()
  }

  /** Undefined where upstream gives no ranges, or the archive cannot be read by them. */
  async #byRanges(index: IndexSource, reference: FileReference, listing: Listing): Promise<Uint8Array | undefined> {
    const { files, log } = this.#options
    const size = await files.measure(index, listing)
    if (size === undefined || size === 0) return undefined
    try {
      const content = await readRemoteMetadata(reference.filename, size, (range) =>
        files.readPart(index, listing, range, size),
      )
      // A claim: nobody has checked the digest of the whole wheel that it was read from.
      if (content !== undefined) await this.#save(reference, content, { claimedBy: index.name })
      return content
    } catch (error) {
      if (!(error instanceof ArchiveRefusedError)) throw error
      log.info({ file: reference.filename, reason: error.message }, 'no metadata by ranges')
      return undefined
    }
  }

  async #save(
    { sha256 }: FileReference,
    content: Uint8Array | undefined,
    source: { readonly claimedBy?: IndexName } = {},
  ): Promise<void> {
    if (sha256 === undefined || content === undefined) return
    const { store, clock } = this.#options
    await store.catalog.saveMetadata(sha256, content, clock(), source)
    this.#memory.forget(sha256)
  }

  async #fromWheel(index: IndexSource, reference: FileReference, listing: Listing): Promise<Uint8Array | undefined> {
    const wheel = await this.#options.files.fetch(index, reference, listing)
    if (wheel === undefined) {
      throw new UpstreamError(
        'ERR_UPSTREAM_FILE',
        `neither the metadata nor the wheel ${reference.filename} is to be had`,
      )
    }
    return this.#readWheel(wheel.blake3, reference.filename)
  }

  /** The metadata of a stored wheel: from its tree, or, where it has none, from the archive. */
  async #readWheel(wheel: Blake3, filename: Filename): Promise<Uint8Array | undefined> {
    const { store } = this.#options
    const outcome = await store.unpack(wheel)
    const manifest = outcome.kind === 'unpacked' ? await store.findManifest(outcome.tree) : undefined
    const path = manifest && findMetadataPath(filename, manifest.files.keys())
    if (manifest !== undefined && path === undefined) return undefined
    const file = path === undefined ? undefined : manifest?.files.get(path)
    const blob = file && (await store.findBlob(file.blake3))
    return blob?.bytes ?? this.#readArchive(wheel, filename)
  }

  async #readArchive(wheel: Blake3, filename: Filename): Promise<Uint8Array | undefined> {
    const { store, log, signal } = this.#options
    const blob = await store.findBlob(wheel)
    if (blob === undefined) return undefined
    try {
      return await readRemoteMetadata(filename, blob.size, async ({ first, last }) => {
        const chunks: Uint8Array[] = []
        // A chunk is valid only until the next one is asked for.
        for await (const chunk of await blob.open(first, last, signal)) chunks.push(Uint8Array.from(chunk))
        return Buffer.concat(chunks)
      })
    } catch (error) {
      if (!(error instanceof ArchiveRefusedError)) throw error
      log.info({ file: filename, reason: error.message }, 'no metadata in this wheel')
      return undefined
    }
  }
}

/** Does this metadata have the digest that the page lists? True also where it lists none. */
function matchesListing(listing: Listing | undefined, content: Uint8Array): boolean {
  const promised = listing?.listed.coreMetadata
  const expected = typeof promised === 'object' ? promised['sha256'] : undefined
  return expected === undefined || expected === hashSha256(content)
}
