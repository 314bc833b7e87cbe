import { setTimeout as delay } from 'node:timers/promises'
import { openDiskBlobStore } from '../storage/blobs/disk-blob-store.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../storage/catalog/sqlite-catalog.ts'
import { systemClock } from '../storage/clock.ts'
import { prepareDataFolder } from '../storage/data-folder.ts'
import { diskIo } from '../storage/io.ts'
import { createLayout } from '../storage/layout.ts'
import { Store } from '../storage/store.ts'
import type { IndexName } from '../storage/names.ts'
import { createUnpacker } from '../storage/unpacker.ts'
import { type App, createApp } from './app.ts'
import type { Config, IndexConfig } from './config.ts'
import { FileSource, type FileSourceOptions } from './file-source.ts'
import type { IndexSource } from './index-source.ts'
import { ListSource } from './list-source.ts'
import type { Log } from './log.ts'
import { MetadataMarks } from './metadata-marks.ts'
import { MetadataSource } from './metadata-source.ts'
import { createMetrics } from './metrics.ts'
import { PageSource } from './page-source.ts'
import { createRepository } from './repository.ts'
import { schedulePrunes } from './scheduler.ts'
import { Upstream } from './upstream.ts'
import type { VirtualIndex } from './virtual-index.ts'
import { userAgent } from './version.ts'

/** The whole of a project page, from request to last byte, milliseconds (protocol.md H10). */
const PAGE_TIMEOUT_MS = 30_000
/** Before the first retry of an upstream request, milliseconds. */
const RETRY_DELAY_MS = 200

export interface Server {
  readonly app: App
  /** Where the stats take the bytes served from, once something listens. */
  countServed(bytesSent: () => number): void
  /**
   * Lets running downloads finish for the grace time (by default none), then ends them and unpacking, and closes the store. Responses
   * should be over by then.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

/** Opens the store and puts the parts of the server together; nothing listens yet. Throws {@link StorageError} where the store cannot be opened. */
export async function openServer(config: Config, log: Log): Promise<Server> {
  const store = await openStore(config, log)
  const ending = new AbortController()
  const upstream = new Upstream({ ...config.upstream, pageTimeoutMs: PAGE_TIMEOUT_MS, userAgent })
  const metrics = createMetrics()
  const shared = {
    upstream,
    store,
    catalog: store.catalog,
    clock: systemClock,
    log,
    metrics,
    policy: { retries: config.upstream.retries, retryDelayMs: RETRY_DELAY_MS },
    signal: ending.signal,
  }
  const indexes = new Map(config.indexes.map((index) => [index.name, sourceOf(index)]))
  const { marks, pages, files, metadata } = createSources(config, shared)
  const repository = createRepository({
    ...shared,
    indexes,
    virtuals: virtualsOf(config, indexes),
    defaultIndex: findDefault(config),
    pages,
    files,
    lists: new ListSource(shared),
    metadata,
  })
  const scheduler = schedulePrunes(repository, config.storage, log)
  store.resume()
  return {
    app: createApp({
      repository,
      uploads: { find: (index) => findUpload(config, index) },
      adminToken: config.adminToken,
      log,
    }),
    countServed: (bytesSent) => (metrics.bytesServed = bytesSent),
    async close({ graceMs = 0 } = {}) {
      await finishWithin(graceMs, files.settle())
      ending.abort(new Error('Arbor is shutting down'))
      await scheduler.close()
      await Promise.all([files.settle(), pages.close(), metadata.settle(), marks.settle()])
      await upstream.close()
      await store.close()
    },
  }
}

type Shared = Omit<FileSourceOptions, 'pages' | 'maxBytes' | 'whenAbandoned'> & { readonly catalog: Catalog }

/** Pages say which wheels have metadata, which comes from files, which are found by pages: they know each other. */
function createSources(config: Config, shared: Shared) {
  const marks = new MetadataMarks({ ...shared, tryRanges: (index, listing) => metadata.tryRanges(index, listing) })
  const pages = new PageSource({
    ...shared,
    memoryBytes: config.memory.pagesBytes,
    complete: (index, page) => marks.complete(index, page),
  })
  const files = new FileSource({
    ...shared,
    pages,
    maxBytes: config.storage.maxBytes,
    onWheelKept: (wheel, reference, listed) => metadata.keepFromStore(wheel, reference, listed),
    ...config.downloads,
  })
  const metadata = new MetadataSource({ ...shared, files })
  return { marks, pages, files, metadata }
}

/** Resolves when `work` does, or the time is up. */
async function finishWithin(graceMs: number, work: Promise<void>): Promise<void> {
  const over = new AbortController()
  const timeUp = delay(graceMs, undefined, { signal: over.signal }).catch(() => {}) // Aborted, once it no longer matters.
  await Promise.race([work, timeUp])
  over.abort()
}

async function openStore(config: Config, log: Log): Promise<Store> {
  const io = diskIo
  const layout = createLayout(config.data)
  await prepareDataFolder(io, layout)
  const blobs = await openDiskBlobStore({ io, layout })
  const catalog = await openSqliteCatalog({ path: layout.catalog })
  return new Store({
    io,
    clock: systemClock,
    folder: config.data,
    catalog,
    blobs,
    unpacker: createUnpacker({
      stage: () => blobs.stage(),
      findStored: (blake3s) => catalog.findStored(blake3s),
    }),
    memoryBytes: config.memory.filesBytes,
    onError: (error, task) => log.error({ err: error }, `${task} failed`),
  })
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

/** J1: where to publish instead: what the index's upstream takes, else the upstream itself. */
function findUpload(config: Config, name: string | undefined): string | undefined {
  const index = config.indexes.find((candidate) => (name === undefined ? candidate.default : candidate.name === name))
  return index?.uploadUrl ?? index?.url.href
}
