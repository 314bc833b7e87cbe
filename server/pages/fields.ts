import type { Hashes, ListedFile } from '../../storage/model.ts'

/** A record while it is put together. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] }

/** hashlib's algorithms without parameters, and how many hex digits each has. */
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha512', 128],
  ['sha384', 96],
  ['sha224', 56],
  ['sha1', 40],
  ['md5', 32],
  ['blake2b', 128],
  ['blake2s', 64],
  ['sha3_224', 56],
  ['sha3_256', 64],
  ['sha3_384', 96],
  ['sha3_512', 128],
])

/** Keeps what hashlib can check, in lower case; the rest goes, since installers fail on a name that they do not know. */
export function parseHashes(value: unknown): Hashes {
  const hashes: Record<string, string> = {}
  if (!isRecord(value)) return hashes
  for (const [name, hex] of Object.entries(value)) {
    const algorithm = name.toLowerCase()
    if (typeof hex !== 'string' || hex.length !== HEX_DIGITS.get(algorithm)) continue
    if (/^[0-9a-f]+$/i.test(hex)) hashes[algorithm] = hex.toLowerCase()
  }
  return hashes
}

/** `sha256=…`, as in a link's fragment, where other pairs (`egg=…&subdirectory=…`) may stand beside it. */
export function parseHashPairs(text: string): Hashes {
  if (/^sha256=[0-9a-f]{64}$/.test(text)) return { sha256: text.slice('sha256='.length) }
  return parseHashes(Object.fromEntries(text.split('&').map((pair) => splitPair(pair))))
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=')
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
}

/**
 * PEP 658/714: a flag or hashes; in HTML (and in the JSON of some) the text `true` or `sha256=…`. Undefined: none, or
 * not known.
 */
export function parseCoreMetadata(value: unknown): true | Hashes | undefined {
  if (value === true) return true
  if (typeof value === 'string') {
    return value === '' || value.toLowerCase() === 'false' ? undefined : trueIfEmpty(parseHashPairs(value))
  }
  return isRecord(value) ? trueIfEmpty(parseHashes(value)) : undefined
}

function trueIfEmpty(hashes: Hashes): true | Hashes {
  return Object.keys(hashes).length === 0 ? true : hashes
}

/**
 * PEP 592: true or the reason. An empty reason counts as yanked, in JSON too: a mirror must not lose the mark.
 */
export function parseYanked(value: unknown): true | string | undefined {
  if (value === true || value === '') return true
  return typeof value === 'string' ? value : undefined
}

/** PEP 700: bytes. */
export function parseSize(value: unknown): number | undefined {
  const size = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined
}

/**
 * The form that PyPI writes, but for days after the 28th, which need a closer look. Not in the years 0 and 9999, for which some installers fail on the
 * whole page.
 */
const USUAL_TIME =
  /^(?!0000|9999)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}|\.\d{6})?Z$/

const TIME = /^((?!0000|9999)\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d|)$/i

/**
 * PEP 700: `yyyy-mm-ddThh:mm:ss[.f]Z`. What is so already stays as it is, but for fractions of 1, 2, 4 or 5 digits, which Python
 * before 3.11 cannot read (`datetime.fromisoformat`); no time zone counts as UTC. Undefined for anything else.
 */
export function parseUploadTime(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (USUAL_TIME.test(value)) return value
  const match = TIME.exec(value)
  if (match === null) return undefined
  const [, date = '', time = '', fraction, zone = ''] = match
  const milliseconds = Date.parse(`${date}T${time}${offsetOf(zone)}`)
  if (Number.isNaN(milliseconds)) return undefined
  const seconds = new Date(milliseconds).toISOString().slice(0, 19)
  // Date.parse rolls the 30th of February over to March.
  if (offsetOf(zone) === 'Z' && seconds !== `${date}T${time}`) return undefined
  if (fraction === undefined) return `${seconds}Z`
  return `${seconds}.${fraction.length === 3 ? fraction : fraction.slice(0, 6).padEnd(6, '0')}Z`
}

function offsetOf(zone: string): string {
  return zone === '' || zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2)}`
}

const STATUSES = new Set(['active', 'archived', 'quarantined', 'deprecated'])

/** PEP 792. A status that the PEP does not have goes: to some installers it makes the whole page unreadable. */
export function parseStatus(status: unknown, reason: unknown): { status: string; reason?: string } | undefined {
  const known = typeof status === 'string' ? status.toLowerCase() : ''
  if (!STATUSES.has(known)) return undefined
  return typeof reason === 'string' && reason !== '' ? { status: known, reason } : { status: known }
}

/** PEP 629: a page of another major version must not be guessed at. No version at all means 1.0. */
export function isReadableVersion(version: unknown): boolean {
  return typeof version !== 'string' || /^1(\.|$)/.test(version.trim())
}

/** The URL without its fragment, and the fragment without its `#`. */
export function splitFragment(url: string): [url: string, fragment: string] {
  const hash = url.indexOf('#')
  return hash === -1 ? [url, ''] : [url.slice(0, hash), url.slice(hash + 1)]
}

/** PEP 740: "fully qualified, on a secure origin"; where the page itself came unencrypted, its own origin is as good. */
export function isTrustworthy(url: string, page: string): boolean {
  return url.startsWith('https:') || new URL(url).origin === new URL(page).origin
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets a field of a listed file unless there is no value. */
export function setField<Key extends keyof ListedFile>(
  file: Draft<ListedFile>,
  key: Key,
  value: ListedFile[Key] | undefined,
): void {
  if (value !== undefined) file[key] = value
}
