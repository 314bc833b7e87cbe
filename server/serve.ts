import type { Repository } from '../routes/repository.ts'
import { openDiskBlobStore } from '../storage/blobs/disk-blob-store.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../storage/catalog/sqlite-catalog.ts'
import { systemClock } from '../storage/clock.ts'
import { prepareDataFolder } from '../storage/data-folder.ts'
import { diskIo } from '../storage/io.ts'
import { createLayout } from '../storage/layout.ts'
import { type ScrubOptions, Store, type StoreOptions } from '../storage/store.ts'
import type { IndexName } from '../storage/names.ts'
import { createUnpacker } from '../storage/unpacker.ts'
import { type App, createApp } from './app.ts'
import type { Config } from './config.ts'
import type { IndexConfig } from './config/indexes.ts'
import { logDamage } from './damage-log.ts'
import { type Ending, endInTurn, isDoneWithin } from './end-in-turn.ts'
import { FileSource, type FileSourceOptions } from './file-source.ts'
import { tolerateFullDisk } from './full-disk.ts'
import type { IndexSource } from './index-source.ts'
import { Jobs } from './jobs.ts'
import { ListedFiles } from './listed-files.ts'
import { ListSource } from './list-source.ts'
import type { Log } from './log.ts'
import { MetadataMarks } from './metadata-marks.ts'
import { MetadataSource } from './metadata-source.ts'
import { createMetrics, type Served } from './metrics.ts'
import { findUpload, listOffered } from './offered-indexes.ts'
import { findTightFileLimit, keptFilesWithin } from './open-files.ts'
import { PageSource } from './page-source.ts'
import { PagePool } from './pages/page-pool.ts'
import { createRepository } from './repository.ts'
import { refetch } from './refetch.ts'
import { schedulePrunes } from './schedule-prunes.ts'
import { scheduleScrubs } from './schedule-scrubs.ts'
import { ScrubJobs } from './scrub-jobs.ts'
import { UploadTimes } from './upload-times.ts'
import { TrafficWriter } from './traffic-writer.ts'
import { Upstream } from './upstream.ts'
import { Breaker } from './upstream/breaker.ts'
import type { VirtualIndex } from './virtual-index.ts'
import { userAgentOf } from './version.ts'

/** The whole of a project page, from request to last byte, milliseconds (H10). */
const PAGE_TIMEOUT_MS = 30_000
/** Before the first retry of an upstream request, milliseconds. */
const RETRY_DELAY_MS = 200
/** How long the end may take after the grace time, milliseconds: what is then left undone, the next start takes up. */
const END_MS = 4000

export interface Server {
  readonly app: App
  /** Tells the stats where to get what was served; to be called once something listens. */
  countServed(served: Served): void
  /** Ends all jobs and tells their followers. To be called first at shutdown: the followers' responses end only with the jobs. */
  cancelJobs(): void
  /**
   * Lets running downloads finish for the grace time (by default none), then ends them and unpacking, and closes the store: within four seconds more,
   * or it is left as it is. Responses should be over by then.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

/** Opens the store and puts the parts of the server together; nothing listens yet. Throws {@link StorageError} where the store cannot be opened. */
export async function openServer(config: Config, log: Log): Promise<Server> {
  const store = await openStore(config, log, (record) => refetch({ pages, files, indexes }, record))
  const ending = new AbortController()
  const upstream = openUpstream(config, log)
  const metrics = createMetrics()
  const shared = {
    upstream,
    store,
    catalog: store.catalog,
    clock: systemClock,
    log,
    metrics,
    policy: { retries: config.upstream.retries, retryDelayMs: RETRY_DELAY_MS },
    pool: new PagePool(),
    signal: ending.signal,
  }
  const indexes = new Map(config.indexes.map((index) => [index.name, sourceOf(index)]))
  const sources = createSources(config, shared, indexes)
  const { pages, files } = sources
  const work = createWork(shared)
  const repository = createRepository({
    ...shared,
    ...work,
    ...sources,
    scrubBytesPerSecond: config.storage.scrubBytesPerSecond,
    indexes,
    virtuals: virtualsOf(config, indexes),
    defaultIndex: findDefault(config),
  })
  const schedules = startSchedules({ ...shared, ...work, repository }, config)
  await resume(store, log)
  return {
    app: openApp(config, repository, log),
    countServed: (served) => (metrics.served = served),
    cancelJobs: () => work.jobs.cancelAll(),
    async close({ graceMs = 0 } = {}) {
      await isDoneWithin(graceMs, Promise.all([work.jobs.close(), files.settle()]))
      ending.abort(new Error('Arbor is shutting down'))
      const endings: readonly Ending[] = [
        ['jobs', () => work.jobs.close()],
        ['schedules', () => schedules.close()],
        ['downloads and pages', () => Promise.all(Object.values(sources).map((source) => source.settle()))],
        ['connections', () => Promise.all([shared.pool.close(), upstream.close()])],
        ['traffic', () => work.traffic.close()],
        ['store', () => store.close()],
      ]
      await endInTurn(endings, { limitMs: END_MS, log })
    },
  }
}

/** What goes on beside the requests. */
function createWork(shared: Shared) {
  const jobs = new Jobs(shared)
  return { jobs, scrubs: new ScrubJobs(jobs, shared.store), traffic: new TrafficWriter(shared) }
}

type Scheduled = Shared & { readonly repository: Repository; readonly scrubs: ScrubJobs }

function startSchedules({ scrubs, ...parts }: Scheduled, { storage }: Config) {
  const store = { catalog: parts.catalog, scrub: (options: ScrubOptions) => scrubs.scrub(options) }
  const schedules = [schedulePrunes(parts, storage), scheduleScrubs({ ...parts, store }, storage)]
  return { close: () => Promise.all(schedules.map((schedule) => schedule.close())) }
}

function openApp(config: Config, repository: Repository, log: Log): App {
  const uploads = { find: (index: string | undefined) => findUpload(config, index) }
  return createApp({
    repository,
    indexes: listOffered(config),
    uploads,
    adminToken: config.adminToken,
    pageMemoryBytes: config.memory.pagesBytes,
    log,
  })
}

function openUpstream({ upstream, indexes }: Config, log: Log): Upstream {
  return new Upstream({
    ...upstream,
    pageTimeoutMs: PAGE_TIMEOUT_MS,
    userAgent: userAgentOf(upstream.contact),
    addresses: { ownHosts: new Set(indexes.map(({ url }) => url.hostname)) },
    breaker: new Breaker({ clock: systemClock, log }),
    log,
  })
}

type Shared = Omit<FileSourceOptions, 'pages' | 'maxBytes' | 'whenAbandoned'> & {
  readonly catalog: Catalog
  readonly pool: PagePool
}

/** Pages say which wheels have metadata, metadata comes from files, and files are found by pages: so they call each other. */
function createSources(config: Config, shared: Shared, indexes: ReadonlyMap<IndexName, IndexSource>) {
  const marks = new MetadataMarks({ ...shared, tryRanges: (index, listing) => metadata.tryRanges(index, listing) })
  const uploadTimes = new UploadTimes(shared)
  const pages = new PageSource({
    ...shared,
    memoryBytes: config.memory.pagesBytes,
    // Marks last: which are ours is known by the file's object, which a later step might copy.
    complete: async (index, page) => marks.complete(index, await uploadTimes.complete(index, page)),
  })
  const files = new FileSource({
    ...shared,
    pages,
    uploadTimes,
    maxBytes: config.storage.maxBytes,
    onWheelKept: (wheel, reference, listed) => metadata.keepFromStore(wheel, reference, listed),
    onContradicted: (reference) => metadata.doubt(reference),
    ...config.downloads,
  })
  const metadata = new MetadataSource({
    ...shared,
    pages,
    files,
    memoryBytes: Math.ceil(config.memory.pagesBytes / 8),
    onAbsent: (index, project) => pages.reconsider(index, project),
    onMismatch(index, { listed: file, sighting }, digest) {
      marks.correct(index, file, digest)
      pages.reconsider(index, sighting.project)
    },
  })
  const listed = new ListedFiles({ ...shared, indexes, pages, files })
  return { marks, uploadTimes, pages, files, listed, lists: new ListSource(shared), metadata }
}

async function openStore(config: Config, log: Log, fetchAgain: NonNullable<StoreOptions['refetch']>): Promise<Store> {
  const io = diskIo
  const layout = createLayout(config.data)
  await prepareDataFolder(io, layout)
  const blobs = await openDiskBlobStore({
    io,
    layout,
    nameElsewhere: (job) => unpacker.nameBlobs(job),
    ...keptFilesWithin(findTightFileLimit(), log),
  })
  const catalog = tolerateFullDisk(await openSqliteCatalog({ path: layout.catalog, io }), log)
  const unpacker = createUnpacker({
    stage: () => blobs.stage(),
    findStored: (blake3s) => catalog.findStored(blake3s),
    ...config.trees,
  })
  return new Store({
    io,
    clock: systemClock,
    folder: config.data,
    catalog,
    blobs,
    unpacker,
    memoryBytes: config.memory.filesBytes,
    onError: (error, task) => log.error({ err: error }, `${task} failed`),
    onDamage: (damage) => logDamage(log, damage),
    refetch: fetchAgain,
  })
}

async function resume(store: Store, log: Log): Promise<void> {
  const checked = await store.resume()
  if (checked > 0) log.info({ files: checked }, 'checked files that an earlier process may not have had on the disk')
}

function sourceOf({ url, ...index }: IndexConfig): IndexSource {
  return { ...index, url: url.href }
}

function virtualsOf(config: Config, indexes: ReadonlyMap<IndexName, IndexSource>): Map<IndexName, VirtualIndex> {
  // The configuration was checked: it names only indexes that there are.
  const find = (name: IndexName): IndexSource[] => [indexes.get(name) ?? []].flat()
  return new Map(
    config.virtuals.map(({ name, indexes: names, pins }) => {
      const pinned = [...pins].flatMap(([project, pin]) => find(pin).map((index) => [project, index] as const))
      return [name, { name, indexes: names.flatMap(find), pins: new Map(pinned) }]
    }),
  )
}

function findDefault({ indexes, virtuals }: Config): IndexName {
  return ([...indexes, ...virtuals].find((index) => index.default) ?? indexes[0]!).name
}
