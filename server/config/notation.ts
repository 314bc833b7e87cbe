import { isIPv6 } from 'node:net'
import { parseByteCount, parseDuration } from '../../storage/units.ts'
import { parseIndexName, parseProjectName, type IndexName, type ProjectName } from '../../storage/names.ts'
import type { IndexMode, UploadTimeSource } from '../index-source.ts'
import { redactUrl } from '../redact.ts'
import type { BasicCredentials } from '../upstream/target.ts'

/** How one kind of setting is written, wherever it is written: file, variable or flag. */
export interface Notation<T> {
  /** What to write, as it follows "expected". */
  readonly expected: string
  /** undefined where `written` is not that. */
  readonly parse: (written: unknown) => T | undefined
  /** The written value as it may be shown to anybody; JSON where this is absent. */
  readonly show?: (written: unknown) => string
}

/** "expected …, got …", for a value that its notation does not accept. */
export function describeMisfit(notation: Notation<unknown>, written: unknown): string {
  const show = notation.show ?? ((value) => JSON.stringify(value))
  return `expected ${notation.expected}, got ${show(written).slice(0, 120)}`
}

export interface ListenAddress {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export const listenAddress: Notation<ListenAddress> = {
  expected: 'host:port such as "127.0.0.1:3141", "[::1]:3141" or "0.0.0.0:3141"',
  parse(written) {
    const [, ipv6, name, digits] = match(written, /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/)
    const port = Number(digits)
    if (port > 65_535 || (ipv6 !== undefined && !isIPv6(ipv6))) return undefined
    const host = ipv6 ?? name
    return host === undefined ? undefined : { host, port }
  },
}

/** `host:port`, as {@link listenAddress} reads it back and as a URL has it. */
export function formatListen({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** `http://host:port`. Without the interface of a link-local address (`%eth0`), which no URL can have, and which is another one for each client. */
export function formatListenUrl({ host, port }: ListenAddress): string {
  return `http://${formatListen({ host: host.replace(/%.*$/, ''), port })}`
}

/** An index's address, with a trailing slash and without credentials. */
export interface IndexUrl {
  readonly url: URL
  readonly credentials: BasicCredentials | undefined
}

export const indexUrl: Notation<IndexUrl> = {
  expected: 'an http or https URL such as "https://pypi.org/simple/", without query or fragment',
  parse(written) {
    const url = typeof written === 'string' ? URL.parse(written) : null
    if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') return undefined
    const credentials = takeCredentials(url)
    if (credentials === 'malformed') return undefined
    if (!url.pathname.endsWith('/')) url.pathname += '/'
    return { url, credentials }
  },
  // Without a scheme, or with an odd one, a URL's credentials are not where they can be told from the rest. Query and fragment may be a token.
  show: (written) =>
    redactUrl(JSON.stringify(written))
      .replace(/^".*@/, '"***@')
      .replace(/([?#]).*$/s, '$1***"'),
}

function takeCredentials(url: URL): BasicCredentials | 'malformed' | undefined {
  if (url.username === '' && url.password === '') return undefined
  try {
    return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  } catch {
    return 'malformed'
  } finally {
    url.username = ''
    url.password = ''
  }
}

/** What our own routes begin with: an index of that name could not be told from them. */
const RESERVED = new Set([
  'admin',
  'blobs',
  'files',
  'health',
  'legacy',
  'lookup',
  'metrics',
  'openapi.json',
  'openapi.yaml',
  'simple',
  'trees',
  'ui',
  'wheels',
])

export const indexName: Notation<IndexName> = {
  expected: `a name of lower-case letters, digits, ".", "-" and "_", and none of ${[...RESERVED].join(', ')}`,
  parse(written) {
    if (typeof written !== 'string' || RESERVED.has(written)) return undefined
    try {
      return parseIndexName(written)
    } catch {
      return undefined
    }
  },
}

export const indexNames: Notation<readonly IndexName[]> = {
  expected: 'a list of the names of indexes such as ["internal", "pypi"]',
  parse(written) {
    if (!Array.isArray(written) || written.length === 0) return undefined
    const names = written.map((name: unknown) => indexName.parse(name))
    return names.every((name) => name !== undefined) ? names : undefined
  },
}

/** Names of indexes by project. */
export const pins: Notation<ReadonlyMap<ProjectName, IndexName>> = {
  expected: 'a table of projects, each with the name of an index, such as { flask = "pypi" }',
  parse(written) {
    if (written instanceof Map) return written as ReadonlyMap<ProjectName, IndexName>
    if (typeof written !== 'object' || written === null || Array.isArray(written)) return undefined
    const found = new Map<ProjectName, IndexName>()
    for (const [project, value] of Object.entries(written)) {
      const name = indexName.parse(value)
      if (name === undefined) return undefined
      try {
        found.set(parseProjectName(project), name)
      } catch {
        return undefined
      }
    }
    return found
  },
}

const INDEX_MODES: readonly IndexMode[] = ['normal', 'strict', 'offline']

export const indexMode: Notation<IndexMode> = {
  expected: `one of ${INDEX_MODES.join(', ')}`,
  parse: (written) => INDEX_MODES.find((mode) => mode === written),
}

const UPLOAD_TIMES: readonly UploadTimeSource[] = ['listed', 'last-modified']

export const uploadTimes: Notation<UploadTimeSource> = {
  expected: `one of ${UPLOAD_TIMES.join(', ')}`,
  parse: (written) => UPLOAD_TIMES.find((source) => source === written),
}

function isClientError(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 400 && Number(value) < 500
}

/** RFC 9110: client errors. What else an index may say for "not there" could as well mean that it is in trouble. */
export const statusList: Notation<readonly number[]> = {
  expected: 'a list of statuses from 400 to 499 such as [403]',
  parse(written) {
    return Array.isArray(written) && written.every(isClientError) ? written : undefined
  },
}

/** Host names, with a port where it matters, lower case. */
export const hostList: Notation<readonly string[]> = {
  expected: 'a list of host names such as ["files.example.org", "cdn.example.org:8443"]',
  parse(written) {
    if (!Array.isArray(written)) return undefined
    const hosts = written.map(
      (host: unknown) => match(host, /^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/)[0],
    )
    return hosts.every((host) => host !== undefined) ? hosts.map((host) => host.toLowerCase()) : undefined
  },
  show: (written) => redactUrl(JSON.stringify(written)),
}

/** A size of at least one byte, in bytes. Not a bare number: `max-size = 50` would empty the store. */
export const size: Notation<number> = {
  expected: 'a size such as "50GiB" or "800MB"',
  parse: (written) => (typeof written === 'string' ? positive(parseByteCount(written)) : undefined),
}

/** A length of time, in milliseconds. */
export const duration: Notation<number> = {
  expected: 'a length of time such as "90s", "15m" or "30d"',
  parse: parseDuration,
}

/** A length of time that a timer can wait, in milliseconds. */
export const timeout: Notation<number> = {
  expected: 'a length of time from "1ms" to "1d", such as "30s"',
  parse(written) {
    const ms = positive(duration.parse(written))
    // Node's timers fire at once for more than 2^31 - 1 ms.
    return ms !== undefined && ms <= 86_400_000 ? ms : undefined
  },
}

/** How long between runs of something, or never. */
export const interval: Notation<number | 'off'> = {
  expected: 'a length of time such as "30d", or "off"',
  parse: (written) => (written === 'off' ? written : positive(duration.parse(written))),
}

/** Bytes in a second. */
export const rate: Notation<number | 'unlimited'> = {
  expected: 'a size in a second such as "50MiB/s", or "unlimited"',
  parse(written) {
    if (written === 'unlimited') return written
    const [, perSecond] = match(written, /^(.+)\/s$/)
    return size.parse(perSecond)
  },
}

export const count: Notation<number> = {
  expected: 'a whole number from 0 to 100',
  parse: (written) =>
    typeof written === 'number' && Number.isInteger(written) && written >= 0 && written <= 100 ? written : undefined,
}

/** A number of files; as a text too, since a variable or a flag has nothing else. */
export const fileCount: Notation<number> = {
  expected: 'a whole number of files',
  parse(written) {
    const number = typeof written === 'string' && /^\d{1,15}$/.test(written) ? Number(written) : written
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined
  },
}

/** Connections; none would be no service. */
export const connections: Notation<number> = {
  expected: 'a whole number from 1 to 1000',
  parse: (written) =>
    typeof written === 'number' && Number.isInteger(written) && written >= 1 && written <= 1000 ? written : undefined,
}

export const yesOrNo: Notation<boolean> = {
  expected: 'true or false',
  parse: (written) => (typeof written === 'boolean' ? written : undefined),
}

/** The same as a text too, since a variable has nothing else. */
export const yesOrNoText: Notation<boolean> = {
  expected: yesOrNo.expected,
  parse: (written) => (written === 'true' || written === 'false' ? written === 'true' : yesOrNo.parse(written)),
}

export const folder: Notation<string> = { expected: 'the path of a folder', parse: text }

export const filePath: Notation<string> = { expected: 'the path of a file', parse: text }

export const username: Notation<string> = { expected: 'a text that is not empty', parse: text }

/** Anything that was written for a secret, right or wrong, stays unseen. */
const showNothing = (): string => 'something else (not shown)'

export const password: Notation<string> = { expected: 'a text that is not empty', parse: text, show: showNothing }

/** RFC 6750 §2.1 has fewer characters yet; what matters is that it can be sent in a header. */
export const token: Notation<string> = {
  expected: 'ASCII characters without spaces and line ends',
  parse: (written) => match(written, /^[\x21-\x7e]+$/)[0],
  show: showNothing,
}

/** One that nobody guesses; also not the asterisks that stand for one where the configuration is printed. */
export const adminToken: Notation<string> = {
  expected: 'at least 12 ASCII characters without spaces and line ends',
  parse: (written) => match(written, /^[\x21-\x7e]{12,}$/)[0],
  show: showNothing,
}

const ABANDONED = ['continue', 'stop'] as const
/** What becomes of a download that nobody follows any more. */
export type WhenAbandoned = (typeof ABANDONED)[number]

export const whenAbandoned: Notation<WhenAbandoned> = {
  expected: `one of ${ABANDONED.join(', ')}`,
  parse: (written) => ABANDONED.find((choice) => choice === written),
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const logLevel: Notation<LogLevel> = {
  expected: `one of ${LOG_LEVELS.join(', ')}`,
  parse: (written) => LOG_LEVELS.find((level) => level === written),
}

function text(written: unknown): string | undefined {
  return typeof written === 'string' && written !== '' && !written.includes('\0') ? written : undefined
}

function match(written: unknown, pattern: RegExp): readonly (string | undefined)[] {
  return (typeof written === 'string' ? pattern.exec(written) : null) ?? []
}

function positive(quantity: number | undefined): number | undefined {
  return quantity !== undefined && quantity > 0 ? quantity : undefined
}
