import { Parser } from 'htmlparser2'
import type { ListedFile, ProjectPage } from '../../storage/model.ts'
import { isWheel, type ProjectName } from '../../storage/names.ts'
import { PageError } from './errors.ts'
import {
  type Draft,
  isReadableVersion,
  isTrustworthy,
  parseCoreMetadata,
  parseHashPairs,
  parseSize,
  parseStatus,
  parseUploadTime,
  parseYanked,
  setField,
  splitFragment,
} from './fields.ts'
import { findFilename } from './parse-json.ts'
import { linkBaseOf, resolveLink } from './response.ts'

type Attributes = Readonly<Record<string, string>>

interface Anchor {
  readonly attributes: Attributes
  text: string
}

interface Document {
  readonly anchors: readonly Anchor[]
  readonly meta: ReadonlyMap<string, string>
  /** What links are relative to. */
  readonly base: string
  /** PyPI's `<!--SERIAL n-->`. */
  readonly serial: number | undefined
}

/** PEP 503. A link that is no file is left out; throws {@link PageError} for what is not HTML. */
export function parseHtmlPage(text: string, url: string, project: ProjectName): ProjectPage {
  const { anchors, meta, base, serial } = readDocument(text, url)
  const page: Draft<ProjectPage> = { project, files: anchors.flatMap((anchor) => parseFile(anchor, base) ?? []) }
  const projectStatus = parseStatus(meta.get('pypi:project-status'), meta.get('pypi:project-status-reason'))
  if (projectStatus !== undefined) page.projectStatus = projectStatus
  if (serial !== undefined) page.extraMeta = { '_last-serial': serial }
  return page
}

/** PEP 503's root page: each link's text, where it is the name that the link leads to, else the name in the link. */
export function parseHtmlList(text: string, url: string): string[] {
  const { anchors, base } = readDocument(text, url)
  return anchors.flatMap((anchor) => {
    const link = resolveLink(anchor.attributes['href'] ?? '', base)
    const name = link === undefined ? undefined : decodeSegment(new URL(link).pathname.replace(/\/+$/, ''))
    if (name === undefined) return []
    const label = anchor.text.trim()
    return normalize(label) === normalize(name) ? label : name
  })
}

function normalize(text: string): string {
  return text.replaceAll(/[-_.]+/g, '-').toLowerCase()
}

/** Any of these makes a text HTML rather than, say, an object store's XML error or a proxy's line of text. */
const HTML_TAGS = new Set(['html', 'head', 'body', 'title', 'meta', 'base', 'h1', 'a'])

function readDocument(text: string, url: string): Document {
  const anchors: Anchor[] = []
  const meta = new Map<string, string>()
  let baseHref: string | undefined
  let serial: number | undefined
  let isHtml = false
  let open: Anchor | undefined
  const parser = new Parser({
    onopentag(name, attributes) {
      isHtml ||= HTML_TAGS.has(name)
      if (name === 'a') anchors.push((open = { attributes, text: '' }))
      else if (name === 'base') baseHref ??= attributes['href']
      else if (name === 'meta') setFirst(meta, attributes['name'], attributes['content'])
    },
    ontext(piece) {
      if (open !== undefined) open.text += piece
    },
    onclosetag(name) {
      if (name === 'a') open = undefined
    },
    oncomment(comment) {
      const match = /^\s*SERIAL (\d{1,15})\s*$/.exec(comment)
      if (match !== null) serial = Number(match[1])
    },
  })
  parser.end(text)
  if (!isHtml) throw new PageError(url, 'is neither a JSON nor an HTML page')
  const version = meta.get('pypi:repository-version')
  if (!isReadableVersion(version)) throw new PageError(url, `speaks version ${version?.slice(0, 20)} of the Simple API`)
  const page = linkBaseOf(url)
  return { anchors, meta, base: resolveLink(baseHref ?? '', page) ?? page, serial }
}

function setFirst(meta: Map<string, string>, name: string | undefined, content: string | undefined): void {
  const key = name?.toLowerCase()
  if (key !== undefined && content !== undefined && !meta.has(key)) meta.set(key, content)
}

function parseFile({ attributes }: Anchor, base: string): ListedFile | undefined {
  const { href } = attributes
  // Pages of before PEP 503 also link to projects' home pages.
  const link = href === undefined || attributes['rel'] === 'homepage' ? undefined : resolveLink(href, base)
  if (link === undefined) return undefined
  const [url, fragment] = splitFragment(link)
  const filename = findFilename(decodeSegment(url.replace(/\?.*$/s, '')))
  // A name without any dot has neither version nor suffix: a link to some other page.
  if (filename === undefined || !filename.includes('.')) return undefined
  const file: Draft<ListedFile> = { filename, url, hashes: parseHashPairs(fragment) }
  if (attributes['data-requires-python']) file.requiresPython = attributes['data-requires-python']
  if (isWheel(filename)) {
    const mark = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata']
    setField(file, 'coreMetadata', parseCoreMetadata(mark))
  }
  setField(file, 'yanked', parseYanked(attributes['data-yanked']))
  if (attributes['data-gpg-sig'] !== undefined) file.gpgSig = attributes['data-gpg-sig'].toLowerCase() === 'true'
  // Not in any specification; download.pytorch.org has the second, and uv reads both.
  setField(file, 'size', parseSize(attributes['data-size']))
  setField(file, 'uploadTime', parseUploadTime(attributes['data-upload-time']))
  const provenance = resolveLink(attributes['data-provenance'] || 'none:', base)
  if (provenance !== undefined && isTrustworthy(provenance, base)) file.provenance = provenance
  return file
}

/** The last component of a path, decoded once; undefined where that cannot be decoded. */
function decodeSegment(path: string): string | undefined {
  try {
    return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
  } catch {
    return undefined
  }
}
