import type { IndexConfig } from '../config.ts'
import { type Environment, readIndexVariables } from './environment.ts'
import { type IndexSettings, indexSettings, type VirtualSettings } from './file.ts'
import type { Credentials, IndexCredentials, IndexUrl } from './notation.ts'
import type { IndexMode } from '../index-source.ts'

/** What decides about the indexes beside their tables. */
export interface IndexSurroundings {
  readonly upstream: IndexUrl | undefined
  readonly mode: IndexMode
  readonly env: Environment
  readonly netrc: ReadonlyMap<string, Credentials>
  readonly virtuals: readonly VirtualSettings[]
}

/** The indexes of a file, or the one that stands for a file without any. */
export function combineIndexes(
  tables: readonly IndexSettings[] | undefined,
  surroundings: IndexSurroundings,
): IndexConfig[] {
  const { upstream, mode, virtuals } = surroundings
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
): IndexCredentials | undefined {
  const { username, password, token } = readIndexVariables(env, table.name)
  if (token !== undefined) return { token }
  if (username !== undefined || password !== undefined) return { username: username ?? '', password: password ?? '' }
  const { url } = replaced ?? table.url
  return (replaced === undefined ? ownCredentials(table) : replaced.credentials) ?? netrc.get(url.hostname)
}

function ownCredentials({ username, password, token, url }: IndexSettings): IndexCredentials | undefined {
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
