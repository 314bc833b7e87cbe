import type { ListedFile, ProjectPage } from '../../storage/model.ts'
import { type Filename, isWheel, parseFilename, type ProjectName } from '../../storage/names.ts'
import { PageError } from './errors.ts'
import {
  type Draft,
  isReadableVersion,
  isRecord,
  isTrustworthy,
  parseCoreMetadata,
  parseHashes,
  parseHashPairs,
  parseSize,
  parseStatus,
  parseUploadTime,
  parseYanked,
  setField,
  splitFragment,
} from './fields.ts'
import { linkBaseOf, resolveLink } from './response.ts'

const PAGE_KEYS = new Set(['meta', 'name', 'files', 'versions', 'project-status'])
const META_KEYS = new Set(['api-version', 'project-status'])
const FILE_KEYS = new Set([
  'filename',
  'url',
  'hashes',
  'requires-python',
  'core-metadata',
  'dist-info-metadata',
  'data-core-metadata',
  'data-dist-info-metadata',
  'gpg-sig',
  'yanked',
  'size',
  'upload-time',
  'provenance',
])

/** PEP 691. A file that cannot be used is left out; throws {@link PageError} where there is no list of files at all. */
export function parseJsonPage(text: string, url: string, project: ProjectName): ProjectPage {
  const root = parseRoot(text, url)
  if (!Array.isArray(root['files'])) throw new PageError(url, 'is JSON without a list of files')
  const base = linkBaseOf(url)
  const files = root['files'].flatMap((entry: unknown) => parseFile(entry, base) ?? [])
  const page: Draft<ProjectPage> = { project, files }
  const { versions } = root
  if (Array.isArray(versions)) {
    page.versions = [...new Set(versions.filter((version): version is string => typeof version === 'string'))]
  }
  const meta = isRecord(root['meta']) ? root['meta'] : {}
  // The specification's own example has it under `meta`, and PEP 792's prose calls the key `state`.
  const status = [root['project-status'], meta['project-status']].find(isRecord)
  const projectStatus = status && parseStatus(status['status'] ?? status['state'], status['reason'])
  if (projectStatus !== undefined) page.projectStatus = projectStatus
  const extra = unknownKeys(root, PAGE_KEYS)
  if (extra !== undefined) page.extra = extra
  const extraMeta = unknownKeys(meta, META_KEYS)
  if (extraMeta !== undefined) page.extraMeta = extraMeta
  return page
}

/** PEP 691's project list: names, as the index spells them. Throws {@link PageError}. */
export function parseJsonList(text: string, url: string): string[] {
  const { projects } = parseRoot(text, url)
  if (!Array.isArray(projects)) throw new PageError(url, 'is JSON without a list of projects')
  return projects.flatMap((entry: unknown) =>
    isRecord(entry) && typeof entry['name'] === 'string' ? entry['name'] : [],
  )
}

const SURROGATE = /\\u[dD][89a-fA-F]/
/** An escape: a pair of surrogates, half of one, or any other. */
const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)/gs

/** Half a character is no text, and to uv it makes the whole page unreadable, wherever it stands. */
function withoutLoneSurrogates(text: string): string {
  return text.replaceAll(ESCAPE, (escape, lone?: string) => (lone === undefined ? escape : '\\ufffd'))
}

function parseRoot(text: string, url: string): Readonly<Record<string, unknown>> {
  let root: unknown
  try {
    root = JSON.parse(SURROGATE.test(text) ? withoutLoneSurrogates(text) : text)
  } catch (cause) {
    throw new PageError(url, 'is not valid JSON', { cause })
  }
  if (!isRecord(root)) throw new PageError(url, 'is JSON, but no object')
  const version = isRecord(root['meta']) ? root['meta']['api-version'] : undefined
  if (!isReadableVersion(version))
    throw new PageError(url, `speaks version ${String(version).slice(0, 20)} of the Simple API`)
  return root
}

function parseFile(entry: unknown, base: string): ListedFile | undefined {
  if (!isRecord(entry) || typeof entry['url'] !== 'string') return undefined
  const filename = findFilename(entry['filename'])
  const link = resolveLink(entry['url'], base)
  if (filename === undefined || link === undefined) return undefined
  const [url, fragment] = splitFragment(link)
  const hashes = parseHashes(entry['hashes'])
  const isBare = fragment !== '' && Object.keys(hashes).length === 0
  const file: Draft<ListedFile> = { filename, url, hashes: isBare ? parseHashPairs(fragment) : hashes }
  const requiresPython = entry['requires-python']
  if (typeof requiresPython === 'string' && requiresPython !== '') file.requiresPython = requiresPython
  if (isWheel(filename)) setField(file, 'coreMetadata', parseCoreMetadata(metadataMark(entry)))
  setField(file, 'size', parseSize(entry['size']))
  setField(file, 'uploadTime', parseUploadTime(entry['upload-time']))
  setField(file, 'yanked', parseYanked(entry['yanked']))
  if (typeof entry['gpg-sig'] === 'boolean') file.gpgSig = entry['gpg-sig']
  setField(file, 'provenance', parseProvenance(entry['provenance'], base))
  setField(file, 'extra', unknownKeys(entry, FILE_KEYS))
  return file
}

/** Undefined for what is no file name, or in our URL would be taken for another file's metadata. */
export function findFilename(value: unknown): Filename | undefined {
  if (typeof value !== 'string' || value.endsWith('.metadata')) return undefined
  try {
    return parseFilename(value)
  } catch {
    return undefined
  }
}

/** PEP 714: the new key counts where it is there, whatever the old one (or PyPI's misspelling of it) says. */
function metadataMark(entry: Readonly<Record<string, unknown>>): unknown {
  return (
    entry['core-metadata'] ??
    entry['dist-info-metadata'] ??
    entry['data-core-metadata'] ??
    entry['data-dist-info-metadata']
  )
}

function parseProvenance(value: unknown, base: string): string | null | undefined {
  if (value === null) return null
  const url = typeof value === 'string' && value !== '' ? resolveLink(value, base) : undefined
  if (typeof value !== 'string' || url === undefined || !isTrustworthy(url, base)) return undefined
  return /^https?:/.test(value) ? value : url
}

/** Deeper values than any index has a use for are left out: what writes them as JSON again may recurse. */
const MAX_DEPTH = 16

/** PEP 691: what we do not know is for others to know. Undefined where there is nothing. */
function unknownKeys(
  record: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  let extra: Record<string, unknown> | undefined
  for (const key in record) {
    if (known.has(key) || key === '__proto__' || !isShallow(record[key], MAX_DEPTH)) continue
    extra ??= {}
    extra[key] = record[key]
  }
  return extra
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1))
}
