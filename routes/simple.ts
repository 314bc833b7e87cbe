import { Hono } from 'hono'
import { type IndexName, parseIndexName, parseProjectName, type ProjectName } from '../storage/names.ts'
import { hasCurrent } from './conditional.ts'
import type { NodeContext, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { READ_HEADERS } from './headers.ts'
import { negotiateEncoding, negotiateType, type PageType, parseFormat, SIMPLE_HTML, SIMPLE_JSON, TEXT_HTML } from './negotiate.ts'
import { renderHtmlList, renderHtmlPage } from './render-html.ts'
import { renderJsonList, renderJsonPage } from './render-json.ts'
import type { Repository } from './repository.ts'
import { LazyOptions } from './lazy-options.ts'
import { Representations } from './representations.ts'
import { type PagePlace, parseSimpleUrl, type SimpleTarget, TO_ROOT } from './urls.ts'

export interface SimpleOptions {
  /** How long clients may use a page without asking, seconds: it adds to the time that we do not ask upstream. */
  readonly maxAgeSeconds?: number | undefined
  /** Rendered pages kept in memory. */
  readonly memoryBytes?: number | undefined
}

const DEFAULTS = { maxAgeSeconds: 60, memoryBytes: 64 * 1024 * 1024 }

/** Nothing of theirs is in a path, so nobody can take one for another. */
const PATHS = ['/simple', '/simple/', '/simple/:project', '/simple/:project/'] as const

/** What is answered with, before its form and coding are chosen. */
interface Resource {
  readonly name: string
  readonly source: object
  readonly render: (type: PageType) => Iterable<string>
  /** Headers that only this one has. */
  readonly headers: Readonly<Record<string, string>>
}

/** Project pages and the lists of projects: the Simple API of the default index at `/simple/`, of every index at `/{index}/simple/`. */
export function simpleRoutes(repository: Repository, options: SimpleOptions = {}): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  const representations = new Representations(options.memoryBytes ?? DEFAULTS.memoryBytes)
  const headers = {
    ...READ_HEADERS,
    Vary: 'Accept, Accept-Encoding',
    'Cache-Control': `max-age=${options.maxAgeSeconds ?? DEFAULTS.maxAgeSeconds}, public`,
  }

  const answer = async (c: NodeContext): Promise<Response> => {
    const target = parseSimpleUrl(c.req.raw.url)
    const index = target && findIndex(repository, target.index)
    if (target === undefined || index === undefined) throw notFound('index')
    const project = target.project === undefined ? undefined : findProjectName(target.project)
    const location = findRedirect(target, project)
    if (location !== undefined) return redirect(location)
    const resource =
      project === undefined
        ? await findList(repository, index, c)
        : await findPage(repository, { index, project, target }, c)
    return send(c, resource, representations, headers)
  }
  for (const path of PATHS) app.get(path, answer)
  for (const path of PATHS) app.get(`/:index${path}`, answer)
  return app
}

function findIndex(repository: Repository, name: string | undefined): IndexName | undefined {
  if (name === undefined) return repository.defaultIndex
  try {
    const index = parseIndexName(name)
    return repository.hasIndex(index) ? index : undefined
  } catch {
    return undefined
  }
}

/** What can be no project's name is one that no index has: 404, so that nobody is asked about it. */
function findProjectName(text: string): ProjectName {
  try {
    return parseProjectName(text)
  } catch {
    throw notFound('project of that name')
  }
}

/** PEP 503: names are normalized, and page URLs end with a slash, which relative links need. Relative, so that it fits any host. */
function findRedirect(target: SimpleTarget, project: ProjectName | undefined): string | undefined {
  const { endsWithSlash, query } = target
  if (project === undefined) return endsWithSlash ? undefined : `simple/${query}`
  if (endsWithSlash && project === target.project) return undefined
  return `${endsWithSlash ? '../' : ''}${project}/${query}`
}

function redirect(location: string): Response {
  // 301, which pip keeps for ever: these mappings never change.
  return new Response(null, { status: 301, headers: { ...READ_HEADERS, Location: location, 'Content-Length': '0' } })
}

async function findList(repository: Repository, index: IndexName, c: NodeContext): Promise<Resource> {
  const source = await repository.listProjects(index, new LazyOptions(c))
  return {
    source,
    name: index,
    render: (type) => (type === SIMPLE_JSON ? renderJsonList(source) : renderHtmlList(source)),
    headers: {},
  }
}

async function findPage(
  repository: Repository,
  { index, project, target }: { index: IndexName; project: ProjectName; target: SimpleTarget },
  c: NodeContext,
): Promise<Resource> {
  const source = await repository.findPage(index, project, new LazyOptions(c))
  if (source === undefined) throw notFound(`project ${project}`)
  const place: PagePlace = target.index === undefined ? 'default' : 'named'
  const serial = source.page.extraMeta?.['_last-serial']
  return {
    source,
    name: `${index}/${project} ${place}`,
    render: (type) => (type === SIMPLE_JSON ? renderJsonPage : renderHtmlPage)(source, TO_ROOT[place]),
    headers: Number.isSafeInteger(serial) ? { 'X-PyPI-Last-Serial': String(serial) } : {},
  }
}

async function send(
  c: NodeContext,
  resource: Resource,
  representations: Representations,
  common: Readonly<Record<string, string>>,
): Promise<Response> {
  const type = chooseType(c)
  const encoding = negotiateEncoding(c.req.header('Accept-Encoding'))
  const name = `${resource.name} ${type}`
  const { bytes, etag, headers } =
    representations.find(name, encoding, resource.source) ??
    (await representations.get({
      name,
      encoding,
      source: resource.source,
      render: () => resource.render(type),
      tag: TAGS[type],
      headers: { ...common, ...resource.headers, 'Content-Type': type === TEXT_HTML ? `${type}; charset=utf-8` : type },
    }))
  if (hasCurrent(c.req.header('If-None-Match'), etag)) {
    const { 'Content-Length': _, ...rest } = headers
    return new Response(null, { status: 304, headers: rest })
  }
  // hono runs the GET route for HEAD too.
  const body = c.req.method === 'HEAD' ? null : (bytes as Buffer<ArrayBuffer>)
  return new Response(body, { status: 200, headers })
}

/** Two media types are two representations (RFC 9110 §8.8.1), even of the same bytes. */
const TAGS: Readonly<Record<PageType, string>> = { [SIMPLE_JSON]: 'json', [SIMPLE_HTML]: 'html', [TEXT_HTML]: 'text' }

/** PEP 691: `?format=` comes before `Accept`. */
function chooseType(c: NodeContext): PageType {
  const format = c.req.raw.url.includes('?') ? c.req.query('format') : undefined
  return format === undefined ? negotiateType(c.req.header('Accept')) : parseFormat(format)
}
