import type { Content } from '../routes/content.ts'
import type { Repository, RepositoryStats } from '../routes/repository.ts'
import type { Clock } from '../storage/clock.ts'
import { type Blake3, type Digest, hashBlake3, hashSha256 } from '../storage/digest.ts'
import type { IndexName } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { memoryContent, storedContent } from './contents.ts'
import type { FileSource } from './file-source.ts'
import type { IndexSource } from './index-source.ts'
import type { ListSource } from './list-source.ts'
import { lookup, lookUpProject } from './lookup.ts'
import type { MetadataSource } from './metadata-source.ts'
import type { Metrics } from './metrics.ts'
import type { PageSource } from './page-source.ts'
import { findVirtual, listVirtual, type VirtualIndex } from './virtual-index.ts'
import { createTreeMethods } from './trees.ts'

export interface RepositoryParts {
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
  readonly virtuals: ReadonlyMap<IndexName, VirtualIndex>
  readonly defaultIndex: IndexName
  readonly store: Store
  readonly pages: PageSource
  readonly lists: ListSource
  readonly files: FileSource
  readonly metadata: MetadataSource
  readonly metrics: Metrics
  readonly clock: Clock
}

/** The repository that the routes serve: indexes pulled from their upstreams, over one store. */
export function createRepository(parts: RepositoryParts): Repository {
  const { indexes, virtuals, store, pages, lists, files, metadata } = parts
  const startedAt = parts.clock()

  return {
    defaultIndex: parts.defaultIndex,
    hasIndex: (name) => indexes.has(name) || virtuals.has(name),
    listProjects(name) {
      const virtual = virtuals.get(name)
      return virtual === undefined ? lists.find(sourceOf(indexes, name)) : listVirtual(virtual, lists)
    },
    findPage(name, project, options) {
      const virtual = virtuals.get(name)
      if (virtual === undefined) return pages.find(sourceOf(indexes, name), project, options)
      return findVirtual(virtual, project, (index) => pages.find(index, project, options))
    },
    async findFile(reference, options) {
      const index = indexes.get(reference.index)
      return index && files.find(index, reference, options)
    },
    async findMetadata(reference) {
      const index = indexes.get(reference.index)
      const bytes = index && (await metadata.find(index, reference))
      return bytes && memoryContent(bytes, { sha256: hashSha256(bytes), blake3: hashBlake3(bytes) })
    },
    findWheel: (digest) => findDistribution(parts, digest),
    ...createTreeMethods(parts),
    findBlob: (digest) =>
      digest.algorithm === 'blake3' ? findBlob(store, digest.hex) : findDistribution(parts, digest),
    lookup: (key) => lookup(files, store.catalog, key),
    lookUpProject: (index, project) => lookUpProject(store.catalog, index, project),
    stats: () => collectStats(parts, startedAt),
    planPrune: (budget) => store.planPrune(budget),
    async executePrune(plan) {
      const outcome = await store.executePrune(plan)
      files.forget()
      return outcome
    },
  }
}

/** The routes ask only for indexes that {@link Repository.hasIndex} knows. */
function sourceOf(indexes: RepositoryParts['indexes'], name: IndexName): IndexSource {
  const index = indexes.get(name)
  if (index === undefined) throw new RangeError(`no index ${name}`)
  return index
}

async function findBlob(store: Store, blake3: Blake3): Promise<Content | undefined> {
  const blob = await store.findBlob(blake3)
  return blob && storedContent(blob, undefined)
}

async function findDistribution({ store, files }: RepositoryParts, digest: Digest): Promise<Content | undefined> {
  const record = await files.findByDigest(digest)
  const blob = record && (await store.findBlob(record.blake3))
  if (record === undefined || blob === undefined) return undefined
  store.noteUse(record.blake3)
  return storedContent(blob, record.sha256)
}

async function collectStats(parts: RepositoryParts, startedAt: number): Promise<RepositoryStats> {
  const { metrics, files, store, clock } = parts
  return {
    uptime: Math.floor((clock() - startedAt) / 1000),
    requests: {
      files: { hits: metrics.fileHits, misses: metrics.fileMisses },
      pages: { hits: metrics.pageHits, misses: metrics.pageMisses, stale: metrics.pageStale },
    },
    bytes: { fromUpstream: metrics.bytesFromUpstream, served: metrics.bytesServed() },
    downloads: { running: files.downloads, ...metrics.downloads, failed: { ...metrics.downloads.failed } },
    store: await store.stats(),
  }
}
