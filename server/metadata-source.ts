import { type Blake3, hashSha256, type Sha256 } from '../storage/digest.ts'
import type { FileReference } from '../routes/repository.ts'
import type { ListedFile, TreeFile } from '../storage/model.ts'
import { isWheel } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { retry, type RetryPolicy, statusError } from './downloads/open-file.ts'
import { UpstreamError } from './errors.ts'
import type { FileSource, Listing } from './file-source.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Upstream } from './upstream.ts'

export interface MetadataSourceOptions {
  readonly upstream: Upstream
  readonly store: Store
  readonly files: FileSource
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: RetryPolicy
  readonly signal: AbortSignal
}

/** Core metadata (PEP 658): the METADATA of a wheel, exactly as it is in the wheel. */
export class MetadataSource {
  readonly #options: MetadataSourceOptions
  readonly #flights = new SingleFlight<string, Uint8Array | undefined>()

  constructor(options: MetadataSourceOptions) {
    this.#options = options
  }

  /** Undefined: no such wheel, or neither the index nor the store has its metadata. */
  async find(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { sha256, filename } = reference
    if (!isWheel(filename)) return undefined
    const kept = sha256 && (await this.#options.store.catalog.findMetadata(sha256))
    if (kept !== undefined) return kept
    return this.#flights.run(`${index.name}/${sha256}/${filename}`, () => this.#make(index, reference))
  }

  async #make(index: IndexSource, reference: FileReference): Promise<Uint8Array | undefined> {
    const { files } = this.#options
    const stored = await files.findStored(reference)
    if (stored !== undefined) return this.#fromTree(stored.blake3, reference)
    const listing = await files.findListing(index, reference)
    if (listing?.listed.coreMetadata === undefined) return undefined
    const fetched = await this.#fromUpstream(index, listing.listed)
    if (fetched === undefined) return this.#fromWheel(index, reference, listing)
    await this.#save(reference.sha256, fetched)
    return fetched
  }

  async #save(sha256: Sha256 | undefined, content: Uint8Array): Promise<void> {
    if (sha256 !== undefined) await this.#options.store.catalog.saveMetadata(sha256, content)
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
    const isRight = expected === undefined || expected === hashSha256(response.body)
    if (response.status === 200 && isRight) return response.body
    const reason = response.status === 200 ? 'has another digest' : `answered ${response.status}`
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
    return this.#fromTree(wheel.blake3, reference)
  }

  async #fromTree(wheel: Blake3, { sha256 }: FileReference): Promise<Uint8Array | undefined> {
    const { store } = this.#options
    const outcome = await store.unpack(wheel)
    if (outcome.kind === 'refused') return undefined
    const manifest = await store.findManifest(outcome.tree)
    const file = manifest && findMetadataFile(manifest.tree.files)
    const blob = file && (await store.findBlob(file.blake3))
    if (blob?.bytes === undefined) return undefined
    await this.#save(sha256, blob.bytes)
    return blob.bytes
  }
}

/** F5: a wheel with several `.dist-info` folders, or none, has no metadata that all clients agree on. */
function findMetadataFile(files: readonly TreeFile[]): TreeFile | undefined {
  const found = files.filter(({ path }) => /^[^/]+\.dist-info\/METADATA$/.test(path))
  return found.length === 1 ? found[0] : undefined
}

/** PEP 658: `.metadata` is appended to the path; a query stays behind it. */
function metadataUrl(url: string): string {
  const parsed = new URL(url)
  parsed.pathname += '.metadata'
  return parsed.href
}
