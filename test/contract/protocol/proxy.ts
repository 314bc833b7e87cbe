import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Config } from '../../../server/config.ts'
import type { IndexConfig } from '../../../server/config/indexes.ts'
import { parseIndexName } from '../../../storage/names.ts'
import { type InProcessArbor, type InProcessOptions, serveArbor } from '../../support/in-process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { type Distribution, distributionOf } from '../../support/upstream/distribution.ts'
import type { Quirks } from '../../support/upstream/quirks.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../../support/zip-writer.ts'

export const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

export interface ListedJson {
  readonly filename: string
  readonly url: string
  readonly hashes: Record<string, string>
  readonly yanked: boolean | string
  readonly 'core-metadata'?: boolean | Record<string, string>
}

export interface PageJson {
  readonly name: string
  readonly files: readonly ListedJson[]
  readonly meta: Record<string, unknown>
}

/** A real index on loopback, with wheels made in code, that ends with the test. */
export async function openUpstream(
  t: TestContext,
  recipes: readonly WheelRecipe[],
  quirks: Partial<Quirks> = {},
): Promise<Upstream> {
  const upstream = await startUpstream({ distributions: await Promise.all(recipes.map(wheelOf)), quirks })
  t.after(() => upstream[Symbol.asyncDispose]())
  return upstream
}

export function wheelOf(recipe: WheelRecipe): Promise<Distribution> {
  return distributionOf(wheelFilename(recipe), makeWheel(recipe))
}

const stacks = new WeakMap<TestContext, AsyncDisposableStack>()

/** Of what a test has opened: the last goes first, since the first may own the folder that the others are on; `t.after` goes the other way. */
function stackOf(t: TestContext): AsyncDisposableStack {
  const stack = stacks.get(t) ?? new AsyncDisposableStack()
  if (!stacks.has(t)) t.after(() => stack.disposeAsync())
  stacks.set(t, stack)
  return stack
}

/** A folder for the data of several servers, which ends with the test, after them. */
export async function makeDataFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-data-'))
  stackOf(t).defer(() => rm(folder, { recursive: true }))
  return folder
}

/** The whole server over these upstreams: the first is the default; settings are for all. */
export async function openProxy(
  t: TestContext,
  upstreams: Readonly<Record<string, Upstream>>,
  settings: Partial<IndexConfig> = {},
  options: Pick<InProcessOptions, 'data' | 'env'> & { readonly adjust?: (config: Config) => Config } = {},
): Promise<InProcessArbor> {
  const [first] = Object.values(upstreams)
  if (first === undefined) throw new Error('no upstream')
  const adjust = (config: Config): Config => {
    const [only] = config.indexes
    const indexes = Object.entries(upstreams).map(([name, { url }], place) =>
      Object.assign(
        {},
        only,
        {
          name: parseIndexName(name),
          url: new URL(url),
          default: place === 0,
        },
        settings,
      ),
    )
    const adjusted = { ...config, indexes, upstream: { ...config.upstream, retries: 0 } }
    return options.adjust?.(adjusted) ?? adjusted
  }
  const { data, env } = options
  const arbor = await serveArbor({ upstream: first, adjust, ...(data !== undefined && { data }), ...(env && { env }) })
  stackOf(t).use(arbor)
  return arbor
}

/** An upstream that answers as it is told. */
export async function openRaw(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`, asked }
}

/** Arbor over one index that is no {@link openUpstream}. */
export function proxyFor(t: TestContext, url: string, settings: Partial<IndexConfig> = {}): Promise<InProcessArbor> {
  return openProxy(t, { main: { url } as Upstream }, settings)
}

export function get(arbor: InProcessArbor, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(path, arbor.url), { headers: { accept: JSON_TYPE, ...headers }, redirect: 'manual' })
}

/** A project page as JSON, links made absolute. */
export async function pageOf(
  arbor: InProcessArbor,
  path: string,
  headers: Record<string, string> = {},
): Promise<PageJson> {
  const response = await get(arbor, path, headers)
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  const page = (await response.json()) as PageJson
  return {
    ...page,
    files: page.files.map((file) => Object.assign(file, { url: new URL(file.url, response.url).href })),
  }
}

export async function statusOf(
  arbor: InProcessArbor,
  path: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const response = await get(arbor, path, headers)
  await response.arrayBuffer()
  return response.status
}

/** The requests for pages (or for one) that an upstream got. */
export function pagesAsked(upstream: Upstream, project = ''): number {
  return upstream.requests.filter(({ path }) => path.startsWith(`/simple/${project}`)).length
}

/** Resolves once it is so; a test's time limit is the limit. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => void setImmediate(resolve))
}
