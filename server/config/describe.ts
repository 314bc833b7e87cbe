import { stringify } from 'smol-toml'
import type { Config } from '../config.ts'
import type { IndexConfig, VirtualConfig } from './indexes.ts'
import { formatListen } from './notation.ts'
import { describeTreeLimits } from './tree-limits.ts'
import { formatDuration, formatSize } from '../../storage/units.ts'

const HIDDEN = '***'

/** The configuration in the words of its file, secrets hidden; keys without a value are absent. */
export function describeConfig(config: Config): Record<string, unknown> {
  const { storage, memory, upstream, downloads } = config
  return withoutUndefined({
    listen: formatListen(config.listen),
    data: config.data,
    'admin-token': config.adminToken === undefined ? undefined : HIDDEN,
    'log-level': config.logLevel,
    'log-requests': config.logRequests,
    'shutdown-grace': formatDuration(config.shutdownGraceMs),
    storage: withoutUndefined({
      'max-size': storage.maxBytes === undefined ? undefined : formatSize(storage.maxBytes),
      'max-files': storage.maxFiles,
      'unused-for': storage.unusedForMs === undefined ? undefined : formatDuration(storage.unusedForMs),
      'min-free': storage.keepFreeBytes === undefined ? undefined : formatSize(storage.keepFreeBytes),
      'prune-interval': formatDuration(storage.pruneIntervalMs),
      'scrub-interval': storage.scrubIntervalMs === undefined ? 'off' : formatDuration(storage.scrubIntervalMs),
      'scrub-rate':
        storage.scrubBytesPerSecond === undefined ? 'unlimited' : `${formatSize(storage.scrubBytesPerSecond)}/s`,
      'forget-after': formatDuration(storage.forgetAfterMs),
    }),
    memory: { pages: formatSize(memory.pagesBytes), files: formatSize(memory.filesBytes) },
    upstream: withoutUndefined({
      'connect-timeout': formatDuration(upstream.connectTimeoutMs),
      'headers-timeout': formatDuration(upstream.headersTimeoutMs),
      'idle-timeout': formatDuration(upstream.idleTimeoutMs),
      'page-max-size': formatSize(upstream.pageMaxBytes),
      retries: upstream.retries,
      'downloads-per-host': upstream.downloadsPerHost,
      'ca-file': upstream.caFile,
      contact: upstream.contact,
    }),
    trees: describeTreeLimits(config.trees),
    downloads: { 'when-abandoned': downloads.whenAbandoned, 'keep-free': formatSize(downloads.keepFreeBytes) },
    index: config.indexes.map(describeIndex),
    virtual: config.virtuals.length === 0 ? undefined : config.virtuals.map(describeVirtual),
  })
}

/** The same as a TOML document, which can be a configuration file once its secrets are put back. */
export function describeConfigAsToml(config: Config): string {
  const origin = config.file === undefined ? 'no file is read' : `from ${config.file}`
  return `# Arbor's effective configuration (${origin}); secrets are shown as ${HIDDEN}\n${stringify(describeConfig(config))}`
}

function describeIndex(index: IndexConfig): Record<string, unknown> {
  return withoutUndefined({
    name: index.name,
    url: index.url.href,
    default: index.default,
    ...describeCredentials(index.credentials),
    mode: index.mode,
    'stored-only': index.storedOnly,
    'fresh-for': formatDuration(index.freshMs),
    'stale-for': formatDuration(index.staleForMs),
    'allowed-file-hosts': index.allowedFileHosts,
    'not-found-statuses': index.notFoundStatuses,
    'empty-means-absent': index.emptyMeansAbsent,
    'keep-removed': index.keepRemoved,
    'upload-times': index.uploadTimes,
    'upload-url': index.uploadUrl,
  })
}

function describeCredentials(credentials: IndexConfig['credentials']): Record<string, string> {
  if (credentials === undefined) return {}
  return 'token' in credentials ? { token: HIDDEN } : { username: HIDDEN, password: HIDDEN }
}

function describeVirtual({ name, default: isDefault, indexes, pins }: VirtualConfig): Record<string, unknown> {
  return { name, default: isDefault, indexes, pins: Object.fromEntries(pins) }
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
