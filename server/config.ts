import { dirname, resolve } from 'node:path'
import { readCaFile } from './config/ca-file.ts'
import { findCacheFolder, resolveFolder, type User } from './config/data-folder.ts'
import {
  indexVariableMistakes,
  readOverrides,
  sourceOfConfig,
  type Flags,
  type Overrides,
} from './config/environment.ts'
import { parseConfigFile, type FileReading, type FileSettings } from './config/file.ts'
import { combineIndexes, type IndexConfig, type VirtualConfig } from './config/indexes.ts'
import { ConfigError, type Mistake } from './config/mistakes.ts'
import { parseNetrc } from './config/netrc.ts'
import type { ListenAddress, LogLevel, WhenAbandoned } from './config/notation.ts'
import { readProxies } from './config/proxies.ts'
import { combineTreeLimits, type TreeLimits } from './config/tree-limits.ts'
import type { Proxies } from './upstream/agent.ts'
import type { BasicCredentials } from './upstream/target.ts'

/** Everything that can be set, read and checked; times in milliseconds, sizes in bytes. */
export interface Config {
  /** The file that it was read from; undefined where there is none. */
  readonly file: string | undefined
  readonly listen: ListenAddress
  /** The folder that holds all that is stored; absolute. */
  readonly data: string
  /** undefined until {@link resolveAdminToken} has found or made one. */
  readonly adminToken: string | undefined
  /** At least one. */
  readonly indexes: readonly IndexConfig[]
  /** Of `indexes` and `virtuals` together exactly one is the default. */
  readonly virtuals: readonly VirtualConfig[]
  readonly storage: {
    readonly maxBytes: number | undefined
    readonly maxFiles: number | undefined
    readonly unusedForMs: number | undefined
    /** How much of the disk pruning keeps free. */
    readonly keepFreeBytes: number | undefined
    readonly pruneIntervalMs: number
    /** From the end of a scrub to the start of the next; undefined: none by itself. */
    readonly scrubIntervalMs: number | undefined
    /** Undefined: as fast as the disk reads. */
    readonly scrubBytesPerSecond: number | undefined
    /** How long pages and metadata stay of which nothing is stored. */
    readonly forgetAfterMs: number
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
    readonly downloadsPerHost: number
    /** The file of certificates that are trusted beside Node's own; absolute. */
    readonly caFile: string | undefined
    /** The certificates in that file, as PEM. */
    readonly ca: string | undefined
    /** Whom its operators may turn to, for the User-Agent. */
    readonly contact: string | undefined
    /** From the environment alone, where all programs have theirs. */
    readonly proxies: Proxies
  }
  readonly downloads: {
    /** What becomes of one that nobody follows any more. */
    readonly whenAbandoned: WhenAbandoned
    /** What they leave free on the disk. */
    readonly keepFreeBytes: number
  }
  /** Which wheels get a tree, and how many threads make trees. */
  readonly trees: TreeLimits
  /** How long responses and downloads may go on once the server has to end. */
  readonly shutdownGraceMs: number
  readonly logLevel: LogLevel
  /** A line for each request. */
  readonly logRequests: boolean
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
  const proxies = readProxies(sources.env, mistakes)
  const file = overrides.config === undefined ? undefined : resolve(sources.workingFolder, overrides.config)
  const reading = await readConfigFile(file, sources)
  if (reading.kind === 'mistakes') mistakes.push(...reading.mistakes)
  if (reading.kind === 'mistakes' || mistakes.length > 0) throw new ConfigError(mistakes)
  const config = combine(reading.settings, { overrides, proxies, file, netrc: await readNetrc(sources) }, sources)
  const stray = [
    ...indexVariableMistakes(
      sources.env,
      config.indexes.map(({ name }) => name),
    ),
    ...strayUpstream(config, overrides, sources.flags),
  ]
  if (stray.length > 0) throw new ConfigError(stray)
  return withCertificates(config, overrides, sources)
}

/** An address that would replace that of the default index, where a virtual one is the default. */
function strayUpstream({ indexes, virtuals }: Config, { upstream }: Overrides, flags: Flags): Mistake[] {
  if (upstream === undefined || indexes.some((index) => index.default)) return []
  const name = virtuals.find((virtual) => virtual.default)?.name
  const problem = `would replace the url of the default index, and that is the virtual "${name}": set it in the file`
  return [{ where: flags.upstream === undefined ? 'ARBOR_UPSTREAM' : '--upstream', problem }]
}

/** The configuration with what its file of certificates holds. */
async function withCertificates(config: Config, overrides: Overrides, { readFile }: ConfigSources): Promise<Config> {
  const { caFile } = config.upstream
  if (caFile === undefined) return config
  const where = overrides.caFile === undefined ? 'upstream.ca-file' : 'ARBOR_CA_FILE'
  const reading = await readCaFile(caFile, where, readFile)
  if (reading.kind === 'mistake') throw new ConfigError([reading.mistake])
  return { ...config, upstream: { ...config.upstream, ca: reading.pem } }
}

/** As curl and pip find it. One that cannot be read is none: nobody said that it should be there. */
async function readNetrc({ env, homeFolder, readFile }: ConfigSources): Promise<ReadonlyMap<string, BasicCredentials>> {
  const path = env['NETRC'] || (homeFolder === undefined ? undefined : resolve(homeFolder, '.netrc'))
  const text = path === undefined ? undefined : await readFile(path).catch(() => undefined)
  return parseNetrc(text ?? '')
}

async function readConfigFile(file: string | undefined, sources: ConfigSources): Promise<FileReading> {
  if (file === undefined) return parseConfigFile('', '')
  const where = sourceOfConfig(sources.flags)
  try {
    const text = await sources.readFile(file)
    if (text !== undefined) return parseConfigFile(text, file)
    return { kind: 'mistakes', mistakes: [{ where, problem: `there is no file ${file}` }] }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return { kind: 'mistakes', mistakes: [{ where, problem: `cannot read ${file} (${String(error.code)})` }] }
  }
}

interface Readings {
  readonly overrides: Overrides
  readonly proxies: Proxies
  readonly file: string | undefined
  readonly netrc: ReadonlyMap<string, BasicCredentials>
}

function combine(settings: FileSettings, readings: Readings, sources: ConfigSources): Config {
  const { overrides, proxies, file, netrc } = readings
  const { storage, memory, upstream, downloads, mode, virtual } = settings
  const storedOnly = settings['stored-only']
  const surroundings = { upstream: overrides.upstream, mode, storedOnly, env: sources.env, netrc, virtuals: virtual }
  return {
    file,
    listen: overrides.listen ?? settings.listen,
    data: dataFolder(settings.data, overrides.data, file, sources),
    adminToken: overrides.adminToken ?? settings['admin-token'],
    indexes: combineIndexes(settings.index, surroundings),
    virtuals: virtual.map(({ name, default: isDefault = false, indexes, pins }) => {
      return { name, default: isDefault, indexes, pins }
    }),
    storage: {
      maxBytes: overrides.maxSize ?? storage['max-size'],
      maxFiles: overrides.maxFiles ?? storage['max-files'],
      unusedForMs: overrides.unusedFor ?? storage['unused-for'],
      keepFreeBytes: overrides.minFree ?? storage['min-free'],
      pruneIntervalMs: storage['prune-interval'],
      scrubIntervalMs: storage['scrub-interval'] === 'off' ? undefined : storage['scrub-interval'],
      scrubBytesPerSecond: storage['scrub-rate'] === 'unlimited' ? undefined : storage['scrub-rate'],
      forgetAfterMs: storage['forget-after'],
    },
    memory: { pagesBytes: memory.pages, filesBytes: memory.files },
    upstream: {
      connectTimeoutMs: upstream['connect-timeout'],
      headersTimeoutMs: upstream['headers-timeout'],
      idleTimeoutMs: upstream['idle-timeout'],
      pageMaxBytes: upstream['page-max-size'],
      retries: upstream.retries,
      downloadsPerHost: upstream['downloads-per-host'],
      caFile: findPath(upstream['ca-file'], overrides.caFile, file, sources),
      ca: undefined,
      contact: overrides.contact ?? upstream.contact,
      proxies,
    },
    downloads: { whenAbandoned: downloads['when-abandoned'], keepFreeBytes: downloads['keep-free'] },
    trees: combineTreeLimits(settings.trees, overrides.trees),
    shutdownGraceMs: settings['shutdown-grace'],
    logLevel: settings['log-level'],
    logRequests: overrides.logRequests ?? settings['log-requests'],
  }
}

function dataFolder(
  inFile: string | undefined,
  override: string | undefined,
  file: string | undefined,
  sources: ConfigSources,
): string {
  const path = override ?? inFile
  const folder = path === undefined ? findCacheFolder(sources) : findPath(inFile, override, file, sources)
  if (folder !== undefined) return folder
  const problem = 'expected an absolute path, since this user has no home folder'
  throw new ConfigError([{ where: path === undefined ? 'ARBOR_DATA' : 'data', problem }])
}

/** A path in the file is relative to the file, any other to where the command was typed. */
function findPath(
  inFile: string | undefined,
  override: string | undefined,
  file: string | undefined,
  sources: ConfigSources,
): string | undefined {
  const base = override === undefined && file !== undefined ? dirname(file) : sources.workingFolder
  const path = override ?? inFile
  return path === undefined ? undefined : resolveFolder(base, path, sources)
}
