import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Content } from '../../routes/content.ts'
import type { FileReference } from '../../routes/repository.ts'
import { FileSource, type FileSourceOptions } from '../../server/file-source.ts'
import type { IndexSource } from '../../server/index-source.ts'
import { openLog } from '../../server/log.ts'
import { createMetrics, type Metrics } from '../../server/metrics.ts'
import type { PageSource } from '../../server/page-source.ts'
import { Upstream } from '../../server/upstream.ts'
import { upstreamOptions } from '../support/upstream-options.ts'
import { openDiskBlobStore } from '../../storage/blobs/disk-blob-store.ts'
import type { Catalog } from '../../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../../storage/catalog/sqlite-catalog.ts'
import { systemClock } from '../../storage/clock.ts'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { diskIo, type Io } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { ListedFile } from '../../storage/model.ts'
import { parseFilename, parseIndexName, type ProjectName, projectsOf } from '../../storage/names.ts'
import { Store } from '../../storage/store.ts'
import type { Unpacker } from '../../storage/unpacker.ts'
import { startUpstream, type Upstream as LoopbackUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import type { Quirks } from '../support/upstream/quirks.ts'

/** An sdist, so that nothing is unpacked. */
const filename = parseFilename('big-1.0.tar.gz')

export interface FileSourceFixture extends AsyncDisposable {
  readonly files: FileSource
  readonly store: Store
  readonly metrics: Metrics
  readonly upstream: LoopbackUpstream
  readonly bytes: Buffer
  readonly log: readonly Record<string, unknown>[]
  readonly shutdown: AbortController
  /** Asks for the file as a GET of the given index does. */
  find(options?: { readonly index?: string; readonly headersOnly?: boolean; readonly part?: boolean }): Promise<Content>
  /** The requests for the file so far. */
  asked(): LoopbackUpstream['requests']
  /** Names of files that are being written. */
  staged(): Promise<string[]>
}

export interface FixtureOptions {
  readonly size?: number
  /** By default the page says the size. */
  readonly listsSize?: boolean
  readonly io?: Io
  readonly quirks?: Partial<Quirks>
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
  readonly source?: Partial<FileSourceOptions>
}

/** A file source with its store on the disk and a real upstream, without pages or routes. */
export async function openFileSource(t: TestContext, options: FixtureOptions = {}): Promise<FileSourceFixture> {
  const fixture = await openUnwatched(options)
  t.after(() => fixture[Symbol.asyncDispose]())
  return fixture
}

/** The same; the caller disposes of it. */
export async function openUnwatched({
  size = 1_000_000,
  io = diskIo,
  ...options
}: FixtureOptions): Promise<FileSourceFixture> {
  const bytes = randomBytes(size)
  const upstream = await startUpstream({
    distributions: [await distributionOf(filename, bytes)],
    ...(options.quirks && { quirks: options.quirks }),
  })
  const folder = await mkdtemp(join(tmpdir(), 'arbor-file-source-'))
  const { store, staging } = await openStore(folder, io, options.wrapCatalog)
  const metrics = createMetrics()
  const log: Record<string, unknown>[] = []
  const shutdown = new AbortController()
  const client = new Upstream(upstreamOptions)
  const sha256 = hashSha256(bytes)
  const listed = { filename, url: new URL(`/packages/${filename}`, upstream.url).href, hashes: { sha256 } }
  const files = new FileSource({
    upstream: client,
    store,
    clock: systemClock,
    log: openLog('debug', { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics,
    policy: { retries: 1, retryDelayMs: 1 },
    whenAbandoned: 'continue',
    maxBytes: undefined,
    pages: pageSourceWith(options.listsSize === false ? listed : { ...listed, size }),
    signal: shutdown.signal,
    ...options.source,
  })
  return {
    files,
    store,
    metrics,
    upstream,
    bytes,
    log,
    shutdown,
    async find({ index = 'main', headersOnly = false, part = false } = {}) {
      const reference: FileReference = { index: parseIndexName(index), sha256, filename }
      const content = await files.find(sourceNamed(index, upstream.url), reference, { headersOnly, part })
      if (content === undefined) throw new Error('not found')
      return content
    },
    asked: () => upstream.requests.filter(({ path }) => path.startsWith('/packages/')),
    staged: async () => (await readdir(staging, { recursive: true })).filter((name) => /[/\\]\d+$/.test(name)),
    async [Symbol.asyncDispose]() {
      shutdown.abort(new Error('the test is over'))
      await files.settle()
      await client.close()
      await store.close()
      await upstream[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

async function openStore(
  folder: string,
  io: Io,
  wrapCatalog: FixtureOptions['wrapCatalog'] = (catalog) => catalog,
): Promise<{ store: Store; staging: string }> {
  const layout = createLayout(folder)
  await prepareDataFolder(diskIo, layout)
  const unpacker = { close: () => Promise.resolve() } as unknown as Unpacker
  const store = new Store({
    io,
    clock: systemClock,
    folder,
    catalog: wrapCatalog(await openSqliteCatalog({ path: layout.catalog, io })),
    blobs: await openDiskBlobStore({ io, layout }),
    unpacker,
    memoryBytes: 1 << 20,
    onError: (error) => {
      throw error
    },
  })
  return { store, staging: layout.staging }
}

function pageSourceWith(listed: ListedFile): PageSource {
  const find = (index: IndexSource, project: ProjectName): Promise<unknown> =>
    Promise.resolve({ index: index.name, page: { project, files: [listed] } })
  const findKnown = async (index: IndexSource, project: ProjectName): Promise<unknown> => ({
    snapshot: await find(index, project),
  })
  const findProjectsOf = (): readonly ProjectName[] => projectsOf(listed.filename)
  return { find, findKnown, findProjectsOf, doubt: () => {} } as unknown as PageSource
}

function sourceNamed(name: string, url: string): IndexSource {
  return { name: parseIndexName(name), url, freshMs: 1e9, staleForMs: 1e9 }
}

/** Reads a content as a response does. */
export async function readContent(
  content: Content,
  { first, last }: { readonly first?: number; readonly last?: number } = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Buffer> {
  const range = first === undefined || last === undefined ? undefined : { first, last }
  const chunks: Uint8Array[] = []
  for await (const chunk of await content.open(range, signal)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
