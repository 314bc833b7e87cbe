import type { FileReference } from '../routes/repository.ts'
import { readRemoteMetadata } from '../storage/archive/remote-metadata.ts'
import type { Clock } from '../storage/clock.ts'
import { type Blake3, hashSha256, type Sha256 } from '../storage/digest.ts'
import { ArchiveRefusedError } from '../storage/errors.ts'
import type { Distribution, ListedFile } from '../storage/model.ts'
import { type Filename, type IndexName, isWheel, type ProjectName } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { findMetadataPath, isMetadataOf } from '../storage/wheel-metadata.ts'
import { retry, type RetryPolicy, statusError } from './downloads/open-file.ts'
import { UpstreamError } from './errors.ts'
import type { FileSource } from './file-source.ts'
import type { Listing } from './find-listing.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Log } from './log.ts'
import { isMarkedByUs } from './metadata-marks.ts'
import type { Metrics } from './metrics.ts'
import type { Upstream } from './upstream.ts'

export interface MetadataSourceOptions {
  readonly upstream: Upstream
  readonly store: Store
  readonly clock: Clock
  readonly files: FileSource
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: RetryPolicy
  readonly signal: AbortSignal
  /** A wheel that our page says has metadata has none. */
  readonly onNone?: ((index: IndexSource, project: ProjectName) => void) | undefined
  /** The metadata of a wheel has another digest than its page promises. */
  readonly onOther?: ((index: IndexSource, listing: Listing, digest: Sha256) => void) | undefined
}

/** Kept of a wheel that has none, so that our pages do not promise it again. */
const NONE = new Uint8Array()

/** Core metadata (PEP 658): the METADATA of a wheel, exactly as it is in the wheel. */
export class MetadataSource {
  readonly #options: MetadataSourceOptions
  readonly #flights = new SingleFlight<string, Uint8Array | undefined>()
  /** Whose kept metadata was held to its page since the start: once, since that takes as long as all else. Routes have the same reference again, mostly. */
  readonly #toldOf = new WeakSet<FileReference>()

  constructor(options: MetadataSourceOptions) {
    this.#options = options
  }

  /** Undefined: no such wheel, or neither the index nor the store has its metadata. */
  async find(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { sha256, filename } = reference
    if (!isWheel(filename)) return undefined
    if (await this.#options.files.isWithdrawn(index, reference)) return undefined
    const kept = sha256 && (await this.#options.store.catalog.findMetadata(sha256, index.name))
    if (kept?.isClaim === true) {
      if (this.#toldOf.has(reference)) return kept.content
      this.#toldOf.add(reference)
      return this.#tellOther(index, await this.#options.files.findKnownListing(index, reference), kept.content)
    }
    if (kept !== undefined && (await this.#isAsPromised(index, reference, kept.content))) {
      return kept.content.length === 0 ? undefined : kept.content
    }
    return this.#flights.run(`${index.name}/${sha256}/${filename}`, () => this.#make(index, reference))
  }

  async #make(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { files } = this.#options
    const stored = await this.#findStored(index, reference)
    const own = stored && (await this.#readWheel(stored.blake3, reference.filename))
    if (own !== undefined && (await this.#isAsPromised(index, reference, own))) {
      await this.#save(reference, own)
      return own
    }
    const claimedBy = index.name
    const listing = await files.findListing(index, reference)
    if (listing?.listed.coreMetadata === undefined) return own
    const isOurs = isMarkedByUs(listing.listed)
    const fetched = isOurs ? undefined : await this.#fromUpstream(index, listing.listed)
    if (fetched !== undefined) {
      await this.#save(reference, fetched, { claimedBy })
      return fetched
    }
    const read = await this.#byRanges(index, reference, listing)
    if (read !== undefined) return this.#tellOther(index, listing, read)
    const made = await this.#fromWheel(index, reference, listing)
    await this.#save(reference, made ?? (isOurs ? NONE : undefined), isOurs ? {} : { claimedBy })
    if (made === undefined && isOurs) this.#options.onNone?.(index, listing.sighting.project)
    return made && this.#tellOther(index, listing, made)
  }

  #tellOther(index: IndexSource, listing: Listing | undefined, content: Uint8Array): Uint8Array {
    if (listing !== undefined && !isPromised(listing, content)) {
      this.#options.onOther?.(index, listing, hashSha256(content))
    }
    return content
  }

  async #findStored(index: IndexSource, reference: FileReference): Promise<Distribution | undefined> {
    const { files } = this.#options
    if (reference.sha256 !== undefined) return files.findStored(reference)
    const listing = await files.findListing(index, reference)
    return listing && files.findStoredUnhashed(index, listing)
  }

  /** Installers hold metadata to the digest on the page, though it may be that of a lie. None is right where nobody else promises any. */
  async #isAsPromised(index: IndexSource, reference: FileReference, own: Uint8Array): Promise<boolean> {
    const listing = await this.#options.files.findKnownListing(index, reference)
    if (own.length === 0) return listing?.listed.coreMetadata === undefined || isMarkedByUs(listing.listed)
    return isPromised(listing, own)
  }

  /** Reads a wheel's metadata by ranges, and keeps it. False where that did not work. */
  async tryRanges(index: IndexSource, listing: Listing): Promise<boolean> {
    const { listed, sighting } = listing
    const reference = { ...sighting, sha256: listed.hashes['sha256'] as Sha256 | undefined }
    return (await this.#byRanges(index, reference, listing)) !== undefined
  }

  /**
   * A wheel was stored: where its index has no metadata beside it, what the wheel has is kept, in the place of what came by
   * ranges, once downloads are over. Returns at once.
   */
  keepFromStore(wheel: Blake3, reference: FileReference, listed: ListedFile): void {
    const isTheirs = listed.coreMetadata !== undefined && !isMarkedByUs(listed)
    if (isTheirs || reference.sha256 === undefined || !isWheel(reference.filename)) return
    const kept = this.#flights.run(`stored ${reference.sha256}`, async () => {
      // To read it unpacks it, which the installer that waits for its other wheels would feel.
      await this.#options.store.awaitLull(this.#options.signal)
      const content = await this.#readWheel(wheel, reference.filename)
      await this.#save(reference, content ?? NONE)
      return content
    })
    kept.catch((error: unknown) =>
      this.#options.log.debug({ err: error, file: reference.filename }, 'no metadata kept'),
    )
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
      // What a file host says of a wheel that nobody has read as a whole.
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
  }

  /** Undefined where upstream advertises it but has none, or another one. */
  async #fromUpstream(index: IndexSource, listed: ListedFile): Promise<Uint8Array | undefined> {
    const { upstream, policy, signal, log, metrics } = this.#options
    const target = fileTarget(index, metadataUrl(listed.url))
    const response = await retry(policy, signal, async () => {
      const answer = await upstream.fetchPage(target, {}, signal)
      metrics.bytesFromUpstream += answer.body.length
      if (answer.status < 500 && answer.status !== 429) return answer
      throw statusError(target.url, answer.status, answer.retryAfterSeconds)
    })
    const { coreMetadata } = listed
    const expected = typeof coreMetadata === 'object' ? coreMetadata['sha256'] : undefined
    const isRight =
      expected === undefined ? isMetadataOf(listed.filename, response.body) : expected === hashSha256(response.body)
    if (response.status === 200 && isRight) return response.body
    const reason = response.status === 200 ? 'is something else' : `answered ${response.status}`
    log.warn({ file: listed.filename, reason }, 'advertised metadata is not to be had; taking it from the wheel')
    return undefined
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

  /** Of a stored wheel: from its tree, or, where there is none, from the archive. */
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

/** Does the page promise this, or no digest at all? */
function isPromised(listing: Listing | undefined, content: Uint8Array): boolean {
  const promised = listing?.listed.coreMetadata
  const expected = typeof promised === 'object' ? promised['sha256'] : undefined
  return expected === undefined || expected === hashSha256(content)
}

/** PEP 658: `.metadata` is appended to the path; a query stays behind it. */
function metadataUrl(url: string): string {
  const parsed = new URL(url)
  parsed.pathname += '.metadata'
  return parsed.href
}
