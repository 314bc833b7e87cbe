import { dirname, resolve } from 'node:path'
import type { IndexName } from '../storage/names.ts'
import { findCacheFolder, resolveFolder, type User } from './config/data-folder.ts'
import { readOverrides, sourceOf, type Flags, type Overrides } from './config/environment.ts'
import {
  indexSettings,
  parseConfigFile,
  type FileReading,
  type FileSettings,
  type IndexSettings,
} from './config/file.ts'
import { ConfigError, type Mistake } from './config/mistakes.ts'
import type { Credentials, IndexUrl, ListenAddress, LogLevel } from './config/notation.ts'

/** Everything that can be set, read and checked; times in milliseconds, sizes in bytes. */
export interface Config {
  /** The file that it was read from; undefined where there is none. */
  readonly file: string | undefined
  readonly listen: ListenAddress
  /** The folder that holds all that is stored; absolute. */
  readonly data: string
  /** undefined until {@link resolveAdminToken} has found or made one. */
  readonly adminToken: string | undefined
  /** At least one; exactly one is the default. */
  readonly indexes: readonly IndexConfig[]
  readonly storage: {
    readonly maxBytes: number | undefined
    readonly unusedForMs: number | undefined
  }
  /** What may be kept in memory. */
  readonly memory: { readonly pagesBytes: number; readonly filesBytes: number }
  readonly upstream: {
    readonly connectTimeoutMs: number
    readonly headersTimeoutMs: number
    /** No byte for this long: the connection counts as broken. */
    readonly idleTimeoutMs: number
    readonly pageMaxBytes: number
    readonly retries: number
  }
  readonly logLevel: LogLevel
}

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
}

/** Where settings come from; all of it passed in, so that a test owns it. */
export interface ConfigSources extends User {
  readonly flags: Flags
  /** The text of a file; undefined where there is none. */
  readonly readFile: (path: string) => Promise<string | undefined>
  readonly workingFolder: string
}

/**
 * Reads the whole configuration once: flags before variables before the file before the defaults, which serve PyPI from
 * the user's cache folder. Throws {@link ConfigError} with every mistake in it.
 */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const mistakes: Mistake[] = []
  const overrides = readOverrides(sources.env, sources.flags, mistakes)
  const file = overrides.config === undefined ? undefined : resolve(sources.workingFolder, overrides.config)
  const reading = await readConfigFile(file, sources)
  if (reading.kind === 'mistakes') mistakes.push(...reading.mistakes)
  if (reading.kind === 'mistakes' || mistakes.length > 0) throw new ConfigError(mistakes)
  return combine(reading.settings, overrides, file, sources)
}

async function readConfigFile(file: string | undefined, sources: ConfigSources): Promise<FileReading> {
  if (file === undefined) return parseConfigFile('', '')
  const where = sourceOf('config', sources.flags)
  try {
    const text = await sources.readFile(file)
    if (text !== undefined) return parseConfigFile(text, file)
    return { kind: 'mistakes', mistakes: [{ where, problem: `there is no file ${file}` }] }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return { kind: 'mistakes', mistakes: [{ where, problem: `cannot read ${file} (${String(error.code)})` }] }
  }
}

function combine(
  settings: FileSettings,
  overrides: Overrides,
  file: string | undefined,
  sources: ConfigSources,
): Config {
  const { storage, memory, upstream } = settings
  return {
    file,
    listen: overrides.listen ?? settings.listen,
    data: dataFolder(settings.data, overrides.data, file, sources),
    adminToken: overrides.adminToken ?? settings['admin-token'],
    indexes: combineIndexes(settings.index, overrides.upstream),
    storage: { maxBytes: storage['max-size'], unusedForMs: storage['unused-for'] },
    memory: { pagesBytes: memory.pages, filesBytes: memory.files },
    upstream: {
      connectTimeoutMs: upstream['connect-timeout'],
      headersTimeoutMs: upstream['headers-timeout'],
      idleTimeoutMs: upstream['idle-timeout'],
      pageMaxBytes: upstream['page-max-size'],
      retries: upstream.retries,
    },
    logLevel: settings['log-level'],
  }
}

function combineIndexes(tables: readonly IndexSettings[] | undefined, upstream: IndexUrl | undefined): IndexConfig[] {
  const only = tables === undefined || tables.length === 1
  return (tables ?? [soleIndex(upstream)]).map((table) => {
    const isDefault = only || table.default === true
    const replaced = isDefault ? upstream : undefined
    const { username, password } = table
    // Another host must never get the credentials of the one that it replaces.
    const own = username === undefined || password === undefined ? table.url.credentials : { username, password }
    return {
      name: table.name,
      url: (replaced ?? table.url).url,
      default: isDefault,
      credentials: replaced === undefined ? own : replaced.credentials,
      freshMs: table['fresh-for'],
      staleForMs: table['stale-for'],
      allowedFileHosts: table['allowed-file-hosts'],
    }
  })
}

/** The index of a configuration that lists none. Its name stands in the file URLs of lock files, so it must never change. */
function soleIndex(upstream: IndexUrl | undefined): IndexSettings {
  const isPypi = upstream === undefined || upstream.url.hostname === 'pypi.org'
  return indexSettings(isPypi ? 'pypi' : 'main', 'https://pypi.org/simple/')
}

/** A path in the file is relative to the file, any other to where the command was typed. */
function dataFolder(
  inFile: string | undefined,
  override: string | undefined,
  file: string | undefined,
  sources: ConfigSources,
): string {
  const base = override === undefined && file !== undefined ? dirname(file) : sources.workingFolder
  const path = override ?? inFile
  const folder = path === undefined ? findCacheFolder(sources) : resolveFolder(base, path, sources)
  if (folder !== undefined) return folder
  const problem = 'expected an absolute path, since this user has no home folder'
  throw new ConfigError([{ where: path === undefined ? 'ARBOR_DATA' : 'data', problem }])
}
