import type { IncomingHttpHeaders } from 'node:http'
import { Hono } from 'hono'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import { type IndexName, parseIndexName, parseProjectName, type ProjectName } from '../storage/names.ts'
import { hasCurrent } from './conditional.ts'
import type { Exchange, NodeEnv } from './env.ts'
import { notFound, RouteError } from './errors.ts'
import { READ_HEADERS } from './headers.ts'
import {
  negotiateEncoding,
  negotiateType,
  type PageType,
  parseFormat,
  SIMPLE_HTML,
  SIMPLE_JSON,
  TEXT_HTML,
} from './negotiate.ts'
import { renderHtmlList, renderHtmlPage } from './render-html.ts'
import { renderJsonList, renderJsonPage } from './render-json.ts'
import type { PageSnapshot, ProjectListSnapshot, Repository } from './repository.ts'
import { type Representation, Representations } from './representations.ts'
import { pageOptionsOf } from './request-options.ts'
import { sendWhole } from './send.ts'
import type { Answer, Shortcuts } from './shortcuts.ts'
import { parseSimpleUrl, type SimpleTarget, TO_ROOT } from './urls.ts'

/** How long clients may use a page without asking, seconds: it adds to the time for which we do not ask upstream ourselves. */
const MAX_AGE_SECONDS = 60
/** What rendered pages may take in memory, unless somebody says. */
const MEMORY_BYTES = 64 * 1024 * 1024

const COMMON_HEADERS = {
  ...READ_HEADERS,
  Vary: 'Accept, Accept-Encoding',
  'Cache-Control': `max-age=${MAX_AGE_SECONDS}, public`,
}

const PATHS = ['/simple', '/simple/', '/simple/:project', '/simple/:project/'] as const

type Address =
  | { readonly kind: 'redirect'; readonly location: string }
  /** No project: the list. */
  | {
      readonly kind: 'page'
      readonly index: IndexName
      readonly project: ProjectName | undefined
      readonly toRoot: string
      /** PEP 691's `?format=`. */
      readonly format: string | undefined
    }

type PageAddress = Extract<Address, { kind: 'page' }>

type Snapshot = PageSnapshot | ProjectListSnapshot

interface PageForm {
  readonly type: PageType
  /** For {@link Representations}, which has each form with the links of either URL. */
  readonly number: number
  /** Two media types are two representations (RFC 9110 §8.8.1), even of the same bytes. */
  readonly tag: string
  readonly renderPage: (snapshot: PageSnapshot, toRoot: string) => Iterable<string>
  readonly renderList: (snapshot: ProjectListSnapshot) => Iterable<string>
}

const JSON_FORM: PageForm = {
  type: SIMPLE_JSON,
  number: 0,
  tag: 'json',
  renderPage: renderJsonPage,
  renderList: renderJsonList,
}
const HTML_RENDERERS = { renderPage: renderHtmlPage, renderList: renderHtmlList }
const FORMS: Readonly<Record<PageType, PageForm>> = {
  [SIMPLE_JSON]: JSON_FORM,
  [SIMPLE_HTML]: { type: SIMPLE_HTML, number: 1, tag: 'html', ...HTML_RENDERERS },
  [TEXT_HTML]: { type: TEXT_HTML, number: 2, tag: 'text', ...HTML_RENDERERS },
}

/** For pips that know metadata by its old key only, and fail on any page that has it (pypa/pip#12042, PEP 714). */
const JSON_WITHOUT_OLD_KEY: PageForm = {
  ...JSON_FORM,
  number: 3,
  tag: 'json-new',
  renderPage: (snapshot, toRoot) => renderJsonPage(snapshot, toRoot, ['core-metadata']),
}
const FORM_COUNT = 4

/**
 * Debian 12 has one of these. HTML is no way around it: there they read the key, and then refuse `pip install django`, whose metadata says Django
 * (pypa/pip#12038). `Vary` does not name this header: a shared cache in front of us would keep a copy per machine for their sake.
 */
const FAILS_ON_OLD_KEY = /^pip\/(?:22\.3|23\.[01])\b/

/**
 * Project pages and the lists of projects: the Simple API of the default index at `/simple/`, of every index at
 * `/{index}/simple/`. A page that is in memory is answered without a turn of the event loop, if the repository has it
 * at hand.
 */
export function simpleRoutes(
  repository: Repository,
  shortcuts: Shortcuts,
  { memoryBytes = MEMORY_BYTES }: { readonly memoryBytes?: number | undefined } = {},
): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  const representations = new Representations(memoryBytes)

  const send = (c: Exchange, snapshot: Snapshot, { toRoot, format }: PageAddress): AtHand<Response> => {
    const { headers } = c.env.incoming
    const form = chooseForm(format === undefined ? negotiateType(headers.accept) : parseFormat(format), headers)
    const encoding = negotiateEncoding(headers['accept-encoding'])
    const formNumber = form.number + (toRoot === TO_ROOT.default ? 0 : FORM_COUNT)
    const kept = representations.find(snapshot, formNumber, encoding)
    if (kept !== undefined) return reply(c, kept)
    return representations
      .make(snapshot, formNumber, encoding, {
        render: () => ('page' in snapshot ? form.renderPage(snapshot, toRoot) : form.renderList(snapshot)),
        headers: { ...COMMON_HEADERS, ...headersOf(snapshot, form.type) },
        tag: form.tag,
      })
      .then((made) => reply(c, made))
  }

  const read = (url: string): Answer => {
    const address = parseAddress(repository, url)
    if (address.kind === 'redirect') return () => redirect(address.location)
    const { index, project } = address
    return (c) => {
      const found: AtHand<Snapshot | undefined> =
        project === undefined ? repository.listProjects(index) : repository.findPage(index, project, pageOptionsOf(c))
      return andThen(found, (snapshot) => {
        if (snapshot === undefined) {
          throw new RouteError('ERR_NOT_FOUND', `There is no project ${project} on the index ${index}.`)
        }
        return send(c, snapshot, address)
      })
    }
  }
  const route = shortcuts.route(read)
  for (const path of PATHS) app.get(path, route)
  for (const path of PATHS) app.get(`/:index${path}`, route)
  return app
}

/** What a URL names. Throws {@link RouteError} or {@link MalformedError} where that is nothing. */
function parseAddress(repository: Repository, url: string): Address {
  const target = parseSimpleUrl(url)
  const index = target && findIndex(repository, target.index)
  if (target === undefined || index === undefined) throw notFound(`index ${target?.index ?? ''}`.trimEnd())
  const project = target.project === undefined ? undefined : findProjectName(target.project)
  const location = findRedirect(target, project)
  if (location !== undefined) return { kind: 'redirect', location }
  const toRoot = target.index === undefined ? TO_ROOT.default : TO_ROOT.named
  const format = new URLSearchParams(target.query).get('format') ?? undefined
  return { kind: 'page', index, project, toRoot, format }
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

/** Throws a 404 for what cannot be a project's name, so that no index is asked about it. */
function findProjectName(text: string): ProjectName {
  try {
    return parseProjectName(text)
  } catch {
    throw notFound('project of that name')
  }
}

/**
 * PEP 503: names are normalized, and page URLs end with a slash, which relative links need. Relative, so that it fits
 * any host.
 */
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

function chooseForm(type: PageType, headers: IncomingHttpHeaders): PageForm {
  const failsOnIt = type === SIMPLE_JSON && FAILS_ON_OLD_KEY.test(headers['user-agent'] ?? '')
  return failsOnIt ? JSON_WITHOUT_OLD_KEY : FORMS[type]
}

function headersOf(snapshot: Snapshot, type: PageType): Record<string, string> {
  const contentType = { 'Content-Type': type === TEXT_HTML ? `${type}; charset=utf-8` : type }
  const serial = 'page' in snapshot ? snapshot.page.extraMeta?.['_last-serial'] : undefined
  return Number.isSafeInteger(serial) ? { ...contentType, 'X-PyPI-Last-Serial': String(serial) } : contentType
}

function reply(c: Exchange, { bytes, etag, headers, current }: Representation): Response {
  return hasCurrent(c.env.incoming.headers['if-none-match'], etag)
    ? sendWhole(c, 304, { headers: current })
    : sendWhole(c, 200, { headers, body: bytes })
}
