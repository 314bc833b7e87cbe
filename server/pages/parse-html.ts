import type { ListedFile, ProjectPage } from '../../storage/model.ts'
import { isWheel, normalizeProjectName, type ProjectName } from '../../storage/names.ts'
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
import { type Anchor, type HtmlDocument, readHtml } from './html-document.ts'
import { findFilename } from './parse-json.ts'
import { linkBaseOf, resolveLink } from './response.ts'

/** PEP 503. A link that is no file is left out; throws {@link PageError} for what is not HTML. */
export function parseHtmlPage(text: string, url: string, project: ProjectName): ProjectPage {
  const { document, base } = readDocument(text, url)
  const { anchors, meta, serial } = document
  const page: Draft<ProjectPage> = { project, files: anchors.flatMap((anchor) => parseFile(anchor, base) ?? []) }
  const projectStatus = parseStatus(meta.get('pypi:project-status'), meta.get('pypi:project-status-reason'))
  if (projectStatus !== undefined) page.projectStatus = projectStatus
  if (serial !== undefined) page.extraMeta = { '_last-serial': serial }
  return page
}

/** PEP 503's root page: each link's text, where it is the name that the link leads to, else the name in the link. */
export function parseHtmlList(text: string, url: string): string[] {
  const { document, base } = readDocument(text, url)
  const own = new URL(url).pathname
  return document.anchors.flatMap((anchor) => {
    const link = resolveLink(anchor.attributes.get('href') ?? '', base)
    if (link === undefined) return []
    const path = new URL(link).pathname
    // A plain folder's list links to itself, sorted otherwise, and to what is above.
    const isAbove = path === own || (path.endsWith('/') && own.startsWith(path))
    const name = isAbove ? undefined : decodeSegment(withoutSlash(path))
    if (name === undefined) return []
    const label = anchor.text.trim()
    return normalizeProjectName(label) === normalizeProjectName(name) ? label : name
  })
}

/** The document, and what its links are relative to. */
function readDocument(text: string, url: string): { readonly document: HtmlDocument; readonly base: string } {
  const document = readHtml(text)
  if (!document.isHtml) throw new PageError(url, 'is neither a JSON nor an HTML page')
  // Taken for a page without links, it would withdraw all files, or mean that there is no such project (G3).
  if (document.asksForPassword) throw new PageError(url, 'asks for a password, and lists nothing')
  const version = document.meta.get('pypi:repository-version')
  if (!isReadableVersion(version)) throw new PageError(url, `speaks version ${version?.slice(0, 20)} of the Simple API`)
  return { document, base: linkBaseOf(url, document.baseHref) }
}

function parseFile({ attributes }: Anchor, base: string): ListedFile | undefined {
  const href = attributes.get('href')
  // Pages of before PEP 503 also link to projects' home pages.
  const link = href === undefined || attributes.get('rel') === 'homepage' ? undefined : resolveLink(href, base)
  if (link === undefined) return undefined
  const [url, fragment] = splitFragment(link)
  const filename = findFilename(decodeSegment(url.replace(/\?.*$/s, '')))
  // A name without any dot has neither version nor suffix: a link to some other page.
  if (filename === undefined || !filename.includes('.')) return undefined
  const file: Draft<ListedFile> = { filename, url, hashes: parseHashPairs(fragment) }
  setField(file, 'requiresPython', attributes.get('data-requires-python') || undefined)
  if (isWheel(filename)) {
    const mark = attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata')
    setField(file, 'coreMetadata', parseCoreMetadata(mark))
  }
  setField(file, 'yanked', parseYanked(attributes.get('data-yanked')))
  const signature = attributes.get('data-gpg-sig')
  if (signature !== undefined) file.gpgSig = signature.toLowerCase() === 'true'
  // Not in any specification; download.pytorch.org has the second, and uv reads both.
  setField(file, 'size', parseSize(attributes.get('data-size')))
  setField(file, 'uploadTime', parseUploadTime(attributes.get('data-upload-time')))
  const provenance = resolveLink(attributes.get('data-provenance') || 'none:', base)
  if (provenance !== undefined && isTrustworthy(provenance, base)) file.provenance = provenance
  return file
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** The last component of a path, decoded once; undefined where that cannot be decoded. */
function decodeSegment(path: string): string | undefined {
  try {
    return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
  } catch {
    return undefined
  }
}
