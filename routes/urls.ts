import { parseSha256 } from '../storage/digest.ts'
import { MalformedError } from '../storage/errors.ts'
import type { ListedFile, PageName } from '../storage/model.ts'
import {
  type Filename,
  parseFilename,
  parseIndexName,
  parseProjectName,
  type ProjectName,
  projectsOf,
} from '../storage/names.ts'
import { parsePath } from './path.ts'
import type { FileReference } from './repository.ts'

/**
 * What stands in a file's URL where its index lists no SHA-256, with `-{project}` behind it where the file's name means another project before that:
 * `foo-1.0-1.tar.gz` may be of `foo-1-0`, or of `foo`, and nothing else tells which.
 */
const UNHASHED = 'unhashed'
const UNHASHED_OF = `${UNHASHED}-`

const METADATA_SUFFIX = '.metadata'

/**
 * From a project page to the root, as a relative URL: what pages carry, so that they are right behind any host name,
 * TLS terminator or sub-path (A19). `default` is `/simple/{project}/`, `named` is
 * `/{index}/simple/{project}/`.
 */
export const TO_ROOT = { default: '../../', named: '../../../' } as const

/**
 * Path of a file, relative to the root: `files/{index}/{sha256}/{filename}`. It ends up in lock files, so it never
 * changes its meaning, and says all that it takes to find the file again. Ends with the exact file name,
 * percent-encoded (`+` is `%2B`); no query, no fragment.
 */
export function formatFilePath(
  { index, project }: PageName,
  { filename, hashes }: Pick<ListedFile, 'filename' | 'hashes'>,
): string {
  return `files/${index}/${hashes['sha256'] ?? unhashedOf(project, filename)}/${encodeSegment(filename)}`
}

function unhashedOf(project: ProjectName, filename: Filename): string {
  return projectsOf(filename)[0] === project ? UNHASHED : UNHASHED_OF + project
}

/** Escapes the apostrophe, too, so that the result can stand in any quoted attribute, for clients that read HTML without decoding it. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}

export interface FileTarget {
  readonly reference: FileReference
  /** PEP 658: `{file}.metadata`. */
  readonly isMetadata: boolean
}

/**
 * What `/files/{index}/{sha256}/{filename}` and the same with `.metadata` name, given the request's URL. A query, and
 * a fragment that somebody escaped (`%23sha256=…`), are ignored. Throws {@link MalformedError}.
 */
export function parseFileUrl(url: string): FileTarget {
  const [, index = '', digest = '', segment = ''] = parsePath(url)
  const name = segment.replace(/[?#].*$/su, '')
  const isMetadata = name.endsWith(METADATA_SUFFIX)
  return {
    reference: {
      index: parseIndexName(index),
      ...parseDigestSegment(digest),
      filename: parseFilename(isMetadata ? name.slice(0, -METADATA_SUFFIX.length) : name),
    },
    isMetadata,
  }
}

function parseDigestSegment(text: string): Pick<FileReference, 'sha256' | 'project'> {
  if (text === UNHASHED) return { sha256: undefined }
  if (!text.startsWith(UNHASHED_OF)) return { sha256: parseSha256(text) }
  const name = text.slice(UNHASHED_OF.length)
  const project = parseProjectName(name)
  if (project !== name) throw new MalformedError('project name', name, 'normalized')
  return { sha256: undefined, project }
}

export interface SimpleTarget {
  /** As it stands in the path; undefined for the default index at `/simple/`. */
  readonly index: string | undefined
  /** As it stands in the path, not normalized; undefined for the list of projects. */
  readonly project: string | undefined
  /** PEP 503: without it relative links lead astray. */
  readonly endsWithSlash: boolean
  /** With its `?`, or empty. */
  readonly query: string
}

/**
 * What `[/{index}]/simple/[{project}/]` names, given the request's URL; undefined for any other path. Throws {@link
 * MalformedError}.
 */
export function parseSimpleUrl(url: string): SimpleTarget | undefined {
  const segments = parsePath(url)
  const index = segments[0] === 'simple' ? undefined : segments.shift()
  const [simple, project, ...rest] = segments
  if (simple !== 'simple' || rest.length > 1 || (rest[0] ?? '') !== '') return undefined
  const start = url.indexOf('?')
  const query = start === -1 ? '' : url.slice(start)
  if (project === undefined || project === '') {
    return rest.length === 0 ? { index, project: undefined, endsWithSlash: project === '', query } : undefined
  }
  return { index, project, endsWithSlash: rest.length === 1, query }
}
