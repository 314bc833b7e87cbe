import { openDiskBlobStore } from '../storage/blobs/disk-blob-store.ts'
import { openSqliteCatalog } from '../storage/catalog/sqlite-catalog.ts'
import { systemClock } from '../storage/clock.ts'
import { prepareDataFolder } from '../storage/data-folder.ts'
import { diskIo } from '../storage/io.ts'
import { createLayout } from '../storage/layout.ts'
import { Store } from '../storage/store.ts'
import { createUnpacker } from '../storage/unpacker.ts'
import { type App, createApp } from './app.ts'
import type { Config, IndexConfig } from './config.ts'
import { FileSource } from './file-source.ts'
import type { IndexSource } from './index-source.ts'
import { ListSource } from './list-source.ts'
import type { Log } from './log.ts'
import { MetadataSource } from './metadata-source.ts'
import { createMetrics } from './metrics.ts'
import { PageSource } from './page-source.ts'
import { createRepository } from './repository.ts'
import { schedulePrunes } from './scheduler.ts'
import { Upstream } from './upstream.ts'
import { userAgent } from './version.ts'

/** The whole of a project page, from request to last byte, milliseconds (protocol.md H10). */
const PAGE_TIMEOUT_MS = 30_000
/** Before the first retry of an upstream request, milliseconds. */
const RETRY_DELAY_MS = 200

export interface Server {
  readonly app: App
  /** Where the stats take the bytes served from, once something listens. */
  countServed(bytesSent: () => number): void
  /** Ends downloads and unpacking, and closes the store. Responses should be over by then. */
  close(): Promise<void>
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
  const pages = new PageSource({ ...shared, memoryBytes: config.memory.pagesBytes })
  const files = new FileSource({ ...shared, pages })
  const repository = createRepository({
    ...shared,
    indexes,
    defaultIndex: (config.indexes.find((index) => index.default) ?? config.indexes[0]!).name,
    pages,
    files,
    lists: new ListSource(shared),
    metadata: new MetadataSource({ ...shared, files }),
  })
  const scheduler = schedulePrunes(repository, config.storage, log)
  store.resume()
  return {
    app: createApp({ repository, adminToken: config.adminToken, log }),
    countServed: (bytesSent) => (metrics.bytesServed = bytesSent),
    async close() {
      ending.abort(new Error('Arbor is shutting down'))
      await scheduler.close()
      await Promise.all([files.settle(), pages.settle()])
      await upstream.close()
      await store.close()
    },
  }
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

function sourceOf({ name, url, credentials, freshMs, staleForMs, allowedFileHosts }: IndexConfig): IndexSource {
  return { name, url: url.href, credentials, freshMs, staleForMs, allowedFileHosts }
}
