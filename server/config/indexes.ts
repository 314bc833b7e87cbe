import type { IndexName, ProjectName } from '../../storage/names.ts'
import type { IndexMode, UploadTimeSource } from '../index-source.ts'
import type { BasicCredentials, Credentials } from '../upstream/target.ts'
import { type Environment, readIndexVariables } from './environment.ts'
import { type IndexSettings, indexSettings, type VirtualSettings } from './file.ts'
import type { IndexUrl } from './notation.ts'

export interface IndexConfig {
  readonly name: IndexName
  /** http or https, with a trailing slash, without credentials. */
  readonly url: URL
  /** Served at `/simple/` as well. */
  readonly default: boolean
  readonly credentials: Credentials | undefined
  /** How long a page is served without asking upstream. */
  readonly freshMs: number
  /** How long past that it is served while upstream does not answer. */
  readonly staleForMs: number
  /** `URL.host` of where its files may be fetched; undefined: wherever its pages say. */
  readonly allowedFileHosts: readonly string[] | undefined
  readonly mode: IndexMode
  /** Its pages list only files that are stored. */
  readonly storedOnly: boolean
  /** Statuses that mean "no such project" beside 404 and 410. */
  readonly notFoundStatuses: readonly number[]
  readonly emptyMeansAbsent: boolean
  readonly keepRemoved: boolean
  /** What a file's upload time may be taken from. */
  readonly uploadTimes: UploadTimeSource
  /** Where its upstream takes uploads, if that is known. */
  readonly uploadUrl: string | undefined
}

/** Several indexes under one name: the first that has a project owns it. */
export interface VirtualConfig {
  readonly name: IndexName
  readonly default: boolean
  readonly indexes: readonly IndexName[]
  readonly pins: ReadonlyMap<ProjectName, IndexName>
}

/** What else decides about the indexes, beside their tables in the file. */
export interface IndexSurroundings {
  readonly upstream: IndexUrl | undefined
  readonly mode: IndexMode
  readonly storedOnly: boolean
  readonly env: Environment
  readonly netrc: ReadonlyMap<string, BasicCredentials>
  readonly virtuals: readonly VirtualSettings[]
}

/** The indexes of a file, or the one that stands for a file without any. */
export function combineIndexes(
  tables: readonly IndexSettings[] | undefined,
  surroundings: IndexSurroundings,
): IndexConfig[] {
  const { upstream, mode, storedOnly, virtuals } = surroundings
  const isOnly = (tables === undefined || tables.length === 1) && virtuals.every((virtual) => virtual.default !== true)
  return (tables ?? [soleIndex(upstream)]).map((table) => {
    const isDefault = isOnly || table.default === true
    const replaced = isDefault ? upstream : undefined
    const { url } = replaced ?? table.url
    return {
      name: table.name,
      url,
      default: isDefault,
      credentials: findCredentials(table, replaced, surroundings),
      freshMs: table['fresh-for'],
      staleForMs: table['stale-for'],
      allowedFileHosts: table['allowed-file-hosts'],
      mode: table.mode ?? mode,
      storedOnly: table['stored-only'] ?? storedOnly,
      notFoundStatuses: table['not-found-statuses'],
      emptyMeansAbsent: table['empty-means-absent'],
      keepRemoved: table['keep-removed'],
      uploadTimes: table['upload-times'],
      uploadUrl: table['upload-url']?.url.href ?? uploadUrlOf(url),
    }
  })
}

/** Variables before the file before netrc. Another host must never get the credentials of the one that it replaces. */
function findCredentials(
  table: IndexSettings,
  replaced: IndexUrl | undefined,
  { env, netrc }: IndexSurroundings,
): Credentials | undefined {
  const { username, password, token } = readIndexVariables(env, table.name)
  if (token !== undefined) return { token }
  if (username !== undefined || password !== undefined) return { username: username ?? '', password: password ?? '' }
  const { url } = replaced ?? table.url
  return (replaced === undefined ? ownCredentials(table) : replaced.credentials) ?? netrc.get(url.hostname)
}

function ownCredentials({ username, password, token, url }: IndexSettings): Credentials | undefined {
  if (token !== undefined) return { token }
  return username === undefined || password === undefined ? url.credentials : { username, password }
}

/** The index of a configuration that lists none. Its name stands in the file URLs of lock files, so it must never change. */
function soleIndex(upstream: IndexUrl | undefined): IndexSettings {
  const isPypi = upstream === undefined || upstream.url.hostname === 'pypi.org'
  return indexSettings(isPypi ? 'pypi' : 'main', 'https://pypi.org/simple/')
}

function uploadUrlOf({ hostname }: URL): string | undefined {
  return hostname === 'pypi.org' ? `https://upload.${hostname}/legacy/` : undefined
}
