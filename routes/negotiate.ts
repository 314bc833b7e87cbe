import { LRUCache } from 'lru-cache'
import { RouteError } from './errors.ts'

export const SIMPLE_JSON = 'application/vnd.pypi.simple.v1+json'
export const SIMPLE_HTML = 'application/vnd.pypi.simple.v1+html'
export const TEXT_HTML = 'text/html'

/** A form that a page is sent in (PEP 691). `v1+html` and `text/html` have the same bytes. */
export type PageType = typeof SIMPLE_JSON | typeof SIMPLE_HTML | typeof TEXT_HTML

export type PageEncoding = 'identity' | 'gzip' | 'zstd'

/** PEP 691: `latest` may be asked for; the answer names the version. */
const TYPES: ReadonlyMap<string, PageType> = new Map([
  [SIMPLE_JSON, SIMPLE_JSON],
  [SIMPLE_HTML, SIMPLE_HTML],
  [TEXT_HTML, TEXT_HTML],
  ['application/vnd.pypi.simple.latest+json', SIMPLE_JSON],
  ['application/vnd.pypi.simple.latest+html', SIMPLE_HTML],
])

interface Weighted {
  readonly name: string
  /** RFC 9110 §12.4.2, 0 to 1. */
  readonly weight: number
}

/**
 * Installers send the same few headers with each request, and reading one takes as long as all else that a page from
 * memory takes.
 */
const types = new LRUCache<string, PageType>({ max: 100 })
const encodings = new LRUCache<string, PageEncoding>({ max: 100 })
const withoutZstd = new LRUCache<string, PageEncoding>({ max: 100 })

/**
 * Chooses the form of a page by `Accept` (A1 to A9): the highest weight wins; among equals what is named
 * wins over what a wildcard covers, and then the most expressive. Nothing in particular gets `text/html`, as on PyPI.
 * Throws {@link RouteError} with ERR_NOT_ACCEPTABLE.
 */
export function negotiateType(accept = ''): PageType {
  return types.get(accept) ?? remember(types, accept, chooseType(accept))
}

function remember<Choice extends string>(memory: LRUCache<string, Choice>, header: string, choice: Choice): Choice {
  if (header.length < 1000) memory.set(header, choice)
  return choice
}

function chooseType(accept: string): PageType {
  const ranges = parseWeighted(accept)
  if (ranges.length === 0) return TEXT_HTML
  // Named ones first, the most expressive ahead; what only a wildcard covers is for a client that knows nothing of PEP 691.
  const named = [SIMPLE_JSON, SIMPLE_HTML, TEXT_HTML] as const
  const covered = [TEXT_HTML, SIMPLE_JSON, SIMPLE_HTML] as const
  const exact = new Map<PageType, number>()
  for (const { name, weight } of ranges) {
    const type = TYPES.get(name)
    if (type !== undefined) exact.set(type, Math.max(exact.get(type) ?? 0, weight))
  }
  const candidates = [
    ...named.filter((type) => exact.has(type)).map((type) => ({ type, weight: exact.get(type) ?? 0 })),
    ...covered.filter((type) => !exact.has(type)).map((type) => ({ type, weight: wildcardWeight(ranges, type) })),
  ]
  const best = candidates.reduce((left, right) => (right.weight > left.weight ? right : left))
  if (best.weight === 0) throw notAcceptable(`Accept: ${accept}`)
  return best.type
}

/** PEP 691's `?format=`: one exact type, which wins over `Accept`. Throws {@link RouteError} with ERR_NOT_ACCEPTABLE. */
export function parseFormat(format: string): PageType {
  // In a query an unescaped plus sign means a blank, but nobody who writes `v1+json` means that.
  const type = TYPES.get(format.replaceAll(' ', '+').toLowerCase())
  if (type === undefined) throw notAcceptable(`format=${format}`)
  return type
}

/** Chooses the coding by `Accept-Encoding` (D6). No header: identity, since that is what such a client can read. */
export function negotiateEncoding(acceptEncoding: string | undefined): PageEncoding {
  if (acceptEncoding === undefined) return 'identity'
  return encodings.get(acceptEncoding) ?? remember(encodings, acceptEncoding, chooseEncoding(acceptEncoding))
}

/** Whether gzip may be sent, and is not less welcome than the bytes as they are. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false
  const known = withoutZstd.get(acceptEncoding)
  if (known !== undefined) return known === 'gzip'
  const codings = parseWeighted(acceptEncoding).filter(({ name }) => name !== 'zstd')
  return remember(withoutZstd, acceptEncoding, chooseAmong(codings)) === 'gzip'
}

/** Whether HTML is asked for by its name, and is not less welcome than JSON is by its own. */
export function prefersHtml(accept: string | undefined): boolean {
  return prefersToJson(accept, TEXT_HTML)
}

/** The same of server-sent events, which every client of theirs names (WHATWG HTML §9.2). */
export function prefersEvents(accept: string | undefined): boolean {
  return prefersToJson(accept, 'text/event-stream')
}

function prefersToJson(accept = '', type: string): boolean {
  const ranges = parseWeighted(accept)
  const weightOf = (wanted: string): number => ranges.find(({ name }) => name === wanted)?.weight ?? 0
  return weightOf(type) > 0 && weightOf(type) >= weightOf('application/json')
}

function chooseEncoding(acceptEncoding: string): PageEncoding {
  return chooseAmong(parseWeighted(acceptEncoding))
}

function chooseAmong(codings: readonly Weighted[]): PageEncoding {
  const weightOf = (...names: readonly string[]): number | undefined =>
    codings.find(({ name }) => names.includes(name))?.weight
  const gzip = weightOf('gzip', 'x-gzip') ?? weightOf('*') ?? 0
  // A wildcard covers zstd too, but who writes one rarely means so recent a coding.
  const zstd = weightOf('zstd') ?? 0
  const identity = weightOf('identity') ?? 0
  if (zstd > 0 && zstd >= gzip && zstd >= identity) return 'zstd'
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity'
}

function wildcardWeight(ranges: readonly Weighted[], type: PageType): number {
  const family = `${type.slice(0, type.indexOf('/'))}/*`
  const range = ranges.find(({ name }) => name === family) ?? ranges.find(({ name }) => name === '*/*' || name === '*')
  return range?.weight ?? 0
}

/** A list of names with weights, in lower case; parameters but `q` are skipped, and so are members that make no sense. */
function parseWeighted(header: string): Weighted[] {
  return header.split(',').flatMap((member) => {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase())
    if (name === '') return []
    const q = parameters.map((parameter) => /^q\s*=\s*(.*)$/.exec(parameter)?.[1]).find((value) => value !== undefined)
    const weight = q === undefined ? 1 : Number(q === '' ? Number.NaN : q)
    return weight >= 0 ? [{ name, weight: Math.min(weight, 1) }] : []
  })
}

function notAcceptable(asked: string): RouteError {
  return new RouteError(
    'ERR_NOT_ACCEPTABLE',
    `${asked.slice(0, 200)} allows none of the forms of this page: ${SIMPLE_JSON}, ${SIMPLE_HTML}, ${TEXT_HTML}.`,
  )
}
