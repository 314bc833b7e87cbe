import type { Content } from '../routes/content.ts'
import type {
  FileOptions,
  FileReference,
  PageSnapshot,
  Repository,
  RepositoryStats,
  UpstreamStats,
} from '../routes/repository.ts'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Blake3, Digest } from '../storage/digest.ts'
import { BlobDamagedError } from '../storage/errors.ts'
import type { DistributionRecord } from '../storage/model.ts'
import type { IndexName } from '../storage/names.ts'
import type { StoredBlob } from '../storage/stored-blobs.ts'
import { renewedContent, storedContent } from './contents.ts'
import { type AdministrationParts, createAdministration } from './administration.ts'
import type { FileSource } from './file-source.ts'
import type { IndexSource } from './index-source.ts'
import type { ListedFiles } from './listed-files.ts'
import type { ListSource } from './list-source.ts'
import { lookup, lookUpProject } from './lookup.ts'
import type { MetadataSource } from './metadata-source.ts'
import { narrowToStored } from './stored-only.ts'
import type { Upstream } from './upstream.ts'
import type { HostCondition } from './upstream/breaker.ts'
import { findVirtual, listVirtual } from './virtual-index.ts'
import { createTreeMethods } from './trees.ts'

/** All that a repository and its administration are made of; how to prune, and the stats, are added here. */
export interface RepositoryParts extends Omit<AdministrationParts, 'planPrune' | 'executePrune' | 'stats'> {
  readonly defaultIndex: IndexName
  readonly lists: ListSource
  readonly listed: ListedFiles
  readonly metadata: MetadataSource
  readonly upstream: Upstream
}

/** The repository that the routes serve: indexes pulled from their upstreams, over one store. */
export function createRepository(parts: RepositoryParts): Repository {
  const { indexes, virtuals, store, lists, files, metadata } = parts
  // Not by the clock, which may be set.
  const startedAt = performance.now()
  const stats = (): Promise<RepositoryStats> => collectStats(parts, startedAt)
  const prunes: Pick<Repository, 'planPrune' | 'executePrune'> = {
    planPrune: (budget) => store.planPrune(budget),
    async executePrune(plan, options) {
      const outcome = await store.executePrune(plan, options)
      files.forget()
      return outcome
    },
  }

  return {
    defaultIndex: parts.defaultIndex,
    hasIndex: (name) => indexes.has(name) || virtuals.has(name),
    listProjects(name) {
      const virtual = virtuals.get(name)
      return virtual === undefined ? lists.find(sourceOf(indexes, name)) : listVirtual(virtual, lists)
    },
    findPage: pageFinder(parts),
    findFile(reference, options) {
      const index = indexes.get(reference.index)
      return index && findFile(files, index, reference, options)
    },
    meterFile: (reference) => parts.metrics.traffic.meter(reference),
    findMetadata(reference) {
      const index = indexes.get(reference.index)
      return index && metadata.find(index, reference)
    },
    findWheel: (digest, options) => findDistribution(parts, digest, options),
    ...createTreeMethods(parts),
    findBlob: (digest, options) =>
      digest.algorithm === 'blake3' ? findBlob(parts, digest.hex, options) : findDistribution(parts, digest, options),
    lookup: (key, options) => lookup(parts, key, options),
    lookUpProject: (index, project) => lookUpProject(store, index, project),
    stats,
    ...prunes,
    admin: createAdministration({ ...parts, ...prunes, stats }),
  }
}

/** The routes ask only for indexes that {@link Repository.hasIndex} knows. */
function sourceOf(indexes: RepositoryParts['indexes'], name: IndexName): IndexSource {
  const index = indexes.get(name)
  if (index === undefined) throw new RangeError(`no index ${name}`)
  return index
}

function pageFinder(parts: RepositoryParts): Repository['findPage'] {
  const { indexes, virtuals, pages } = parts
  return (name, project, options) => {
    const virtual = virtuals.get(name)
    if (virtual !== undefined) {
      const found = findVirtual(virtual, { project, pages, options })
      return andThen<PageSnapshot | undefined, PageSnapshot | undefined>(found, (page) => page && asShown(parts, page))
    }
    const index = sourceOf(indexes, name)
    const found = pages.find(index, project, options)
    return index.storedOnly === true ? showOnlyStored(parts, found) : found
  }
}

/** A page as its index shows it. Only here, since whatever else looks at pages is about all that upstream lists. */
function asShown(parts: RepositoryParts, page: PageSnapshot): AtHand<PageSnapshot | undefined> {
  return parts.indexes.get(page.index)?.storedOnly === true ? showOnlyStored(parts, page) : page
}

async function showOnlyStored(
  { store }: RepositoryParts,
  found: AtHand<PageSnapshot | undefined>,
): Promise<PageSnapshot | undefined> {
  const page = await found
  return page && narrowToStored(store.catalog, page)
}

function findBlob(parts: RepositoryParts, blake3: Blake3, options: FileOptions): AtHand<Content | undefined> {
  const found = parts.store.findBlob(blake3)
  // Counts where it is a distribution, or a tree's manifest. A file of trees counts for none: nobody knows which tree was meant.
  parts.store.noteUse(blake3)
  return found instanceof Promise
    ? findBlobOrDistribution(parts, blake3, { finding: found, options })
    : andThen(found, (blob) => blob && storedContent(blob, undefined))
}

function findFile(
  files: FileSource,
  index: IndexSource,
  reference: FileReference,
  options: FileOptions,
): AtHand<Content | undefined> {
  const findAnew = (): AtHand<Content | undefined> => {
    files.forget()
    return files.find(index, reference, { headersOnly: false })
  }
  return andThen(files.find(index, reference, options), (content) => content && renewedContent(content, findAnew))
}

/** A damaged blob may be a distribution, which can be had again from where it was seen. */
async function findBlobOrDistribution(
  parts: RepositoryParts,
  blake3: Blake3,
  { finding, options }: { readonly finding: Promise<StoredBlob | undefined>; readonly options: FileOptions },
): Promise<Content | undefined> {
  try {
    const blob = await finding
    return blob && storedContent(blob, undefined)
  } catch (error) {
    const isDamaged = error instanceof BlobDamagedError
    const content = isDamaged ? await findDistribution(parts, { algorithm: 'blake3', hex: blake3 }, options) : undefined
    if (content === undefined) throw error
    return content
  }
}

async function findDistribution(
  parts: RepositoryParts,
  digest: Digest,
  options: FileOptions,
): Promise<Content | undefined> {
  const { store, files } = parts
  const stored = await store.catalog.findDistribution(digest)
  if (stored === undefined && digest.algorithm === 'sha256') {
    // Before findByDigest, which waits for a running download: here the client follows it instead.
    const listed = await parts.listed.find(digest.hex, options)
    if (listed !== undefined) return listed
  }
  const record = stored ?? (await files.findByDigest(digest))
  if (record === undefined) return undefined
  const blob = await store.findDistribution(record.blake3)
  if (blob === undefined) return findUpstream(parts, record)
  store.noteUse(record.blake3)
  return storedContent(blob, record.sha256)
}

/** A distribution whose file is damaged or gone: from an index on which it was seen, as by its URL there. */
async function findUpstream(
  { indexes, files }: RepositoryParts,
  { sha256, sightings }: DistributionRecord,
): Promise<Content | undefined> {
  for (const { index, filename } of sightings) {
    const source = indexes.get(index)
    const content = source && (await files.find(source, { index, sha256, filename }, { headersOnly: false }))
    if (content !== undefined) return content
  }
  return undefined
}

async function collectStats(parts: RepositoryParts, startedAt: number): Promise<RepositoryStats> {
  const { metrics, files, store } = parts
  return {
    uptime: Math.floor((performance.now() - startedAt) / 1000),
    requests: {
      files: { hits: metrics.fileHits, misses: metrics.fileMisses },
      pages: { hits: metrics.pageHits, misses: metrics.pageMisses, stale: metrics.pageStale },
    },
    bytes: {
      fromUpstream: metrics.bytesFromUpstream,
      served: metrics.served.bytesSent(),
      saved: metrics.traffic.bytesSaved,
    },
    downloads: { running: files.downloads, ...metrics.downloads, failed: { ...metrics.downloads.failed } },
    upstreams: Object.fromEntries(parts.upstream.conditions().map(describeHost)),
    store: await store.stats(),
  }
}

function describeHost({ host, state, failures, openUntil }: HostCondition): [string, UpstreamStats] {
  const until = openUntil === undefined ? {} : { openUntil: new Date(openUntil).toISOString() }
  return [host, { state, failures, ...until }]
}
