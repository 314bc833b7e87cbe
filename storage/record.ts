import type { RecordVerdict } from './model.ts'

/** The algorithms that the wheel format allows: SHA-256 or better (PyPA, binary distribution format). */
const ALGORITHMS = new Set(['sha256', 'sha384', 'sha512'])

/** What RECORD says of one file. */
export interface Listing {
  /** By hashlib's name; undefined where there is no hash, or one that the format forbids. */
  readonly algorithm: string | undefined
  readonly hex: string
  /** Bytes; undefined where it is not said. */
  readonly size: number | undefined
}

/** RECORD, by path. The same path twice, saying different things, is listed without a hash. */
export type Listings = ReadonlyMap<string, Listing>

/**
 * The path of the wheel's RECORD; undefined where there is none at the top, or several.
 * (Its name would follow from the file name of the wheel, but that is not known of bytes that are stored by digest.)
 */
export function findRecordPath<Path extends string>(paths: Iterable<Path>): Path | undefined {
  const found = [...paths].filter((path) => /^[^/]+\.dist-info\/RECORD$/.test(path))
  return found.length === 1 ? found[0] : undefined
}

/** Signatures of RECORD stand beside it and cannot be listed in it; nor can it list its own hash. */
export function isExempt(path: string, recordPath: string): boolean {
  return path === recordPath || path === `${recordPath}.jws` || path === `${recordPath}.p7s`
}

/** Reads RECORD: CSV of path, `algorithm=base64url`, size (PEP 376). Undefined where it cannot be read. */
export function parseRecord(bytes: Uint8Array): Listings | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  const rows = parseRows(text)
  if (rows?.every((row) => row.length <= 3) !== true) return undefined
  const listings = new Map<string, Listing>()
  for (const [path = '', hash = '', size = ''] of rows) {
    if (path === '') continue
    // Written on Windows by old tools; no path in a tree has a backslash.
    const name = path.replaceAll('\\', '/')
    const listing = parseListing(hash, size)
    listings.set(name, sameOrNone(listings.get(name), listing))
  }
  return listings
}

/** Whether a file's bytes are what RECORD says. `hex`: its digest by the algorithm of the listing. */
export function matches(listing: Listing, hex: string, size: number): boolean {
  return listing.algorithm !== undefined && listing.hex === hex && (listing.size === undefined || listing.size === size)
}

/**
 * The verdict, from the names and from whether every listed hash was right. What does not hash as RECORD says is worse than a name that
 * is missing, so it is what is reported where both are true.
 */
export function judge(
  listings: Listings | undefined,
  recordPath: string,
  found: { readonly paths: Iterable<string>; readonly areHashesRight: boolean },
): RecordVerdict {
  if (listings === undefined) return 'absent'
  if (!found.areHashesRight) return 'hashes'
  const listed = new Set([...listings.keys()].filter((path) => !isExempt(path, recordPath)))
  const present = new Set([...found.paths].filter((path) => !isExempt(path, recordPath)))
  return listed.size === present.size && listed.isSubsetOf(present) ? 'ok' : 'names'
}

function parseListing(hash: string, size: string): Listing {
  const equals = hash.indexOf('=')
  const algorithm = hash.slice(0, Math.max(0, equals)).toLowerCase()
  return {
    algorithm: ALGORITHMS.has(algorithm) ? algorithm : undefined,
    hex: Buffer.from(hash.slice(equals + 1), 'base64url').toString('hex'),
    size: /^\d+$/.test(size) ? Number(size) : undefined,
  }
}

function sameOrNone(before: Listing | undefined, now: Listing): Listing {
  const isSame =
    before === undefined || (before.algorithm === now.algorithm && before.hex === now.hex && before.size === now.size)
  return isSame ? now : { algorithm: undefined, hex: '', size: undefined }
}

/** Rows of fields, without the empty rows; undefined for quotes that are not closed, or in the middle of a field. */
function parseRows(text: string): string[][] | undefined {
  // Hardly ever is there a quote.
  if (!text.includes('"')) return text.split(/\r?\n/).flatMap((line) => (line === '' ? [] : [line.split(',')]))
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y
  const rows: string[][] = [[]]
  while (field.lastIndex < text.length) {
    const match = field.exec(text)
    if (match === null) return undefined
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] !== ',') rows.push([])
  }
  return rows.filter((row) => row.length > 1 || (row[0] ?? '') !== '')
}
