import type { Content } from '../routes/content.ts'
import type { Manifest, Repository, RepositoryStats } from '../routes/repository.ts'
import type { Clock } from '../storage/clock.ts'
import { type Blake3, type Digest, hashBlake3, hashSha256 } from '../storage/digest.ts'
import { ArchiveRefusedError } from '../storage/errors.ts'
import { type IndexName, isWheel } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import { memoryContent, storedContent, tarGzContent } from './contents.ts'
import type { FileSource } from './file-source.ts'
import type { IndexSource } from './index-source.ts'
import type { ListSource } from './list-source.ts'
import { lookup } from './lookup.ts'
import type { MetadataSource } from './metadata-source.ts'
import type { Metrics } from './metrics.ts'
import type { PageSource } from './page-source.ts'

export interface RepositoryParts {
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
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
  const { indexes, store, pages, lists, files, metadata } = parts
  const startedAt = parts.clock()

  return {
    defaultIndex: parts.defaultIndex,
    hasIndex: (name) => indexes.has(name),
    listProjects: (name) => lists.find(sourceOf(indexes, name)),
    findPage: (name, project) => pages.find(sourceOf(indexes, name), project),
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
    findTreeOfWheel: (digest) => findTreeOfWheel(parts, digest),
    async findTreeArchive(digest) {
      const wheel = await findUnpacked(parts, digest)
      return wheel && tarGzContent(await store.findTarGz(wheel.blake3))
    },
    findManifest: (id) => store.findManifest(id),
    async findTreeFile(id, path) {
      const file = (await store.findManifest(id))?.files.get(path)
      const content = file && (await findBlob(store, file.blake3))
      return content && { content, executable: file.executable }
    },
    findBlob: (digest) =>
      digest.algorithm === 'blake3' ? findBlob(store, digest.hex) : findDistribution(parts, digest),
    lookup: (digest) => lookup(files, store.catalog, digest),
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

async function findTreeOfWheel(parts: RepositoryParts, digest: Digest): Promise<Manifest | undefined> {
  const wheel = await findUnpacked(parts, digest)
  return wheel && parts.store.findManifest(wheel.tree)
}

/** A stored wheel and its tree, which is made if nobody did yet. Throws {@link ArchiveRefusedError}. */
async function findUnpacked(
  { store, files }: RepositoryParts,
  digest: Digest,
): Promise<{ readonly blake3: Blake3; readonly tree: Blake3 } | undefined> {
  const record = await files.findByDigest(digest)
  if (record?.sightings.some(({ filename }) => isWheel(filename)) !== true) return undefined
  store.noteUse(record.blake3)
  const outcome = await store.unpack(record.blake3)
  if (outcome.kind === 'refused') throw new ArchiveRefusedError(outcome.reason, outcome.detail, outcome.path)
  return { blake3: record.blake3, tree: outcome.tree }
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
