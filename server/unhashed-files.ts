import { LRUCache } from 'lru-cache'
import type { Clock } from '../storage/clock.ts'
import type { Distribution, ListedFile } from '../storage/model.ts'
import type { Log } from './log.ts'
import { UpstreamError } from './errors.ts'
import type { Listing } from './file-source.ts'
import { isFresh } from './freshness.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Upstream } from './upstream.ts'

export interface UnhashedFilesOptions {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface Binding {
  readonly fingerprint: string
  /** Upstream's ETag or Last-Modified, seen before the download began: if the file changes meanwhile, it is fetched once more. */
  readonly validator: string | undefined
  readonly checkedAt: number
  /** Undefined until it is stored. */
  readonly distribution: Distribution | undefined
}

/**
 * Which stored bytes stand for a file of which its index lists no SHA-256 (E17): upstream may overwrite it in place. A weaker hash binds
 * it, since the download was held to that; without any hash upstream is asked whether it is still the same, as often as for a
 * page. Known until the process ends: then such a file is fetched once more.
 */
export class UnhashedFiles {
  readonly #options: UnhashedFilesOptions
  readonly #bindings = new LRUCache<string, Binding>({ max: 10_000 })

  constructor(options: UnhashedFilesOptions) {
    this.#options = options
  }

  /** What is stored of it, if that is what upstream has now. */
  async findCurrent(index: IndexSource, { listed }: Listing): Promise<Distribution | undefined> {
    const { clock } = this.#options
    const key = keyOf(index, listed)
    const kept = this.#bindings.get(key)
    const fingerprint = JSON.stringify([listed.hashes, listed.size])
    const isSameListing = kept?.fingerprint === fingerprint
    if (isSameListing && kept.distribution !== undefined) {
      const isBound = Object.keys(listed.hashes).length > 0
      if (isBound || isFresh(kept.checkedAt, clock(), index)) return kept.distribution
    }
    const checkedAt = clock()
    const validator = await this.#validate(index, listed, kept?.distribution !== undefined)
    if (validator === 'unknown') return isSameListing ? kept.distribution : undefined
    const isSame = isSameListing && validator !== undefined && validator === kept.validator
    const distribution = isSame ? kept.distribution : undefined
    this.#bindings.set(key, { fingerprint, validator, checkedAt, distribution })
    return distribution
  }

  /** A download that followed {@link findCurrent} is stored. */
  keep(index: IndexSource, { listed }: Listing, distribution: Distribution): void {
    const key = keyOf(index, listed)
    const kept = this.#bindings.get(key)
    if (kept !== undefined) this.#bindings.set(key, { ...kept, distribution })
  }

  /** Undefined: upstream says nothing that tells one version from another. Unknown: it is in trouble, and there is something to serve. */
  async #validate(index: IndexSource, listed: ListedFile, isStored: boolean): Promise<string | undefined> {
    const { upstream, signal, log } = this.#options
    try {
      const response = await upstream.openPart(fileTarget(index, listed.url), { first: 0, last: 0 }, signal)
      response.discard()
      if (response.status >= 500) throw new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', `answered ${response.status}`)
      return response.validator === undefined ? undefined : `${response.validator} ${response.size}`
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      if (isStored && index.mode !== 'strict') {
        log.warn({ index: index.name, file: listed.filename, reason: error.message }, 'serving a file that may be old')
        return 'unknown'
      }
      return undefined
    }
  }
}

function keyOf({ name }: IndexSource, { url }: ListedFile): string {
  return `${name} ${url}`
}
