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

/** What RECORD says of the files that are there. However long it is, no more is kept than there are files. */
export interface Listings {
  /** A path that is listed twice, saying different things, is without a hash. */
  readonly byPath: ReadonlyMap<string, Listing>
  /** Does it list files that are not there? */
  readonly hasOthers: boolean
}

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

/**
 * Reads RECORD, of a wheel whose files have these paths: CSV of path, `algorithm=base64url`, size (PEP 376). Undefined where it cannot be
 * read.
 */
export function parseRecord(bytes: Uint8Array, recordPath: string, paths: ReadonlySet<string>): Listings | undefined {
  const byPath = new Map<string, Listing>()
  let hasOthers = false
  for (const row of readRows(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())) {
    if (row === undefined) return undefined
    const [path = '', hash = '', size = ''] = row
    // Old tools wrote backslashes on Windows; no path in a tree has one.
    const name = path.replaceAll('\\', '/')
    if (paths.has(name)) byPath.set(name, sameOrNone(byPath.get(name), parseListing(hash, size)))
    else if (name !== '' && !isExempt(name, recordPath)) hasOthers = true
  }
  return { byPath, hasOthers }
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
  if (listings.hasOthers) return 'names'
  return [...found.paths].every((path) => listings.byPath.has(path) || isExempt(path, recordPath)) ? 'ok' : 'names'
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

const MAX_COLUMNS = 3

/** Rows of fields, without the empty rows; undefined as the last for columns too many, or quotes that are not closed or in the middle of a field. */
function* readRows(text: string): Generator<readonly string[] | undefined> {
  // Hardly ever is there a quote.
  for (const row of text.includes('"') ? readQuotedRows(text) : readPlainRows(text)) {
    if (row === undefined || row.length > MAX_COLUMNS) {
      yield undefined
      return
    }
    if (row.length > 1 || row[0] !== '') yield row
  }
}

function* readPlainRows(text: string): Generator<readonly string[]> {
  for (let start = 0; start < text.length;) {
    const lineFeed = text.indexOf('\n', start)
    const end = lineFeed === -1 ? text.length : lineFeed
    const line = text.slice(start, text[end - 1] === '\r' ? end - 1 : end)
    yield line.split(',', MAX_COLUMNS + 1)
    start = end + 1
  }
}

function* readQuotedRows(text: string): Generator<readonly string[] | undefined> {
  const separator = /,|\r?\n|$/y
  let row: string[] = []
  for (let at = 0; at < text.length; at = separator.lastIndex) {
    const end = findFieldEnd(text, at)
    separator.lastIndex = end ?? 0
    const found = end === undefined || row.length > MAX_COLUMNS ? null : separator.exec(text)
    if (found === null) {
      yield undefined
      return
    }
    row.push(text[at] === '"' ? text.slice(at + 1, found.index - 1).replaceAll('""', '"') : text.slice(at, found.index))
    if (found[0] === ',') continue
    yield row
    row = []
  }
  if (row.length > 0) yield row
}

/** Undefined: its quotes are not closed. Not a regular expression, since millions of doubled quotes would overflow its stack. */
function findFieldEnd(text: string, start: number): number | undefined {
  if (text[start] !== '"') return start + text.slice(start).search(/[",\r\n]|$/)
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 2)) {
    if (text[quote + 1] !== '"') return quote + 1
  }
  return undefined
}
