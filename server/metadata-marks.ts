import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { Hashes, ListedFile, ProjectPage } from '../storage/model.ts'
import { isWheel, type ProjectName } from '../storage/names.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import type { Listing } from './find-listing.ts'
import type { IndexSource } from './index-source.ts'

/** How long a finding on a file host (ranges work there, or do not) is believed, milliseconds; then one wheel's metadata is tried again. */
const PROVEN_MS = 24 * 60 * 60_000
const UNPROVEN_MS = 10 * 60_000
/** Hosts that are probed for one page: it may name any number, and nobody should have us knock at all of them. */
const MAX_PROBES = 8
/** The first client of a page waits no longer than this for the probes, milliseconds. */
const PATIENCE_MS = 3000

export interface MetadataMarksOptions {
  readonly catalog: Catalog
  readonly clock: Clock
  /** Reads one wheel's metadata by ranges: did that work? */
  readonly tryRanges: (index: IndexSource, listing: Listing) => Promise<boolean>
}

/** Files whose mark is ours: their upstream has no `.metadata` beside them. */
const own = new WeakSet<ListedFile>()

/** Does our page say that a file has metadata although its upstream does not? */
export function isMarkedByUs(listed: ListedFile): boolean {
  return own.has(listed)
}

interface Finding {
  readonly works: boolean
  readonly until: number
}

/**
 * Marks wheels as having metadata (PEP 658) whose index does not: those of which it is kept, and, once reading it by ranges
 * was shown to work on their file host, the others.
 */
export class MetadataMarks {
  readonly #options: MetadataMarksOptions
  readonly #hosts = new LRUCache<string, Finding>({ max: 1000 })
  readonly #probes = new SingleFlight<string, boolean>()
  /** The digests of metadata of which upstream's page has a wrong one. */
  readonly #corrections = new LRUCache<string, Sha256>({ max: 10_000 })

  constructor(options: MetadataMarksOptions) {
    this.#options = options
  }

  /** Upstream's page lists a wrong digest for a wheel's metadata: ours is to list that of what we serve (B8), since pip fails on any other. */
  correct(index: IndexSource, listed: ListedFile, digest: Sha256): void {
    const key = correctionKey(index, listed)
    if (key !== undefined) this.#corrections.set(key, digest)
  }

  /** The page with these marks; the same object where there is nothing to mark. */
  async complete(index: IndexSource, upstreamPage: ProjectPage): Promise<ProjectPage> {
    const page = this.#withCorrections(index, upstreamPage)
    const lacking = page.files.filter(
      ({ filename, coreMetadata, hashes }) =>
        coreMetadata === undefined && hashes['sha256'] !== undefined && isWheel(filename),
    )
    if (lacking.length === 0) return page
    const sha256s = lacking.map(({ hashes }) => hashes['sha256'] as Sha256)
    const [kept, proven] = await Promise.all([
      this.#options.catalog.findMetadataDigests(sha256s, index.name),
      this.#findProven(index, page.project, lacking),
    ])
    const marks = new Map<ListedFile, true | Hashes>()
    for (const file of lacking) {
      const digest = kept.get(file.hashes['sha256'] as Sha256)
      // Its archive was read, and has no metadata.
      if (digest === 'none') continue
      if (digest !== undefined) marks.set(file, { sha256: digest })
      else if (proven.has(new URL(file.url).host)) marks.set(file, true)
    }
    return marks.size === 0 ? page : { ...page, files: page.files.map((file) => mark(file, marks.get(file))) }
  }

  #withCorrections(index: IndexSource, page: ProjectPage): ProjectPage {
    if (this.#corrections.size === 0) return page
    let isCorrected = false
    const files = page.files.map((file) => {
      const key = correctionKey(index, file)
      const sha256 = key === undefined ? undefined : this.#corrections.get(key)
      if (sha256 === undefined) return file
      isCorrected = true
      return { ...file, coreMetadata: { sha256 } }
    })
    return isCorrected ? { ...page, files } : page
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#probes.settle()
  }

  /** The file hosts on which ranges work, of those that have the most. */
  async #findProven(index: IndexSource, project: ProjectName, files: readonly ListedFile[]): Promise<Set<string>> {
    const hosts = Map.groupBy(files, ({ url }) => new URL(url).host)
    const largest = [...hosts].toSorted(([, left], [, right]) => right.length - left.length).slice(0, MAX_PROBES)
    const proven = new Set<string>()
    await Promise.all(
      largest.map(async ([host, listed]) => {
        if (await this.#isProven(index, project, host, listed)) proven.add(host)
      }),
    )
    return proven
  }

  async #isProven(
    index: IndexSource,
    project: ProjectName,
    host: string,
    listed: readonly ListedFile[],
  ): Promise<boolean> {
    const { clock, tryRanges } = this.#options
    const finding = this.#hosts.get(host)
    if (finding !== undefined && clock() < finding.until) return finding.works
    // The newest is listed last, mostly, and the least likely to be an odd archive.
    const file = listed.at(-1)
    if (index.mode === 'offline' || file === undefined) return false
    const sighting = { index: index.name, project, filename: file.filename }
    const probe = this.#probes.run(host, async () => {
      const works = await tryRanges(index, { listed: file, sighting }).catch(() => false)
      this.#hosts.set(host, { works, until: clock() + (works ? PROVEN_MS : UNPROVEN_MS) })
      return works
    })
    return Promise.race([probe, delay(PATIENCE_MS, false, { ref: false })])
  }
}

/** The wrong digest is part of the key: once upstream lists another one, the correction no longer applies. */
function correctionKey({ name }: IndexSource, { hashes, coreMetadata }: ListedFile): string | undefined {
  const promised = typeof coreMetadata === 'object' ? coreMetadata['sha256'] : undefined
  return promised === undefined ? undefined : `${name} ${hashes['sha256']} ${promised}`
}

function mark(file: ListedFile, coreMetadata: true | Hashes | undefined): ListedFile {
  if (coreMetadata === undefined) return file
  const marked = { ...file, coreMetadata }
  own.add(marked)
  return marked
}
