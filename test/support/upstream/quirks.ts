/**
 * What an upstream does that a perfect one would not. Every field may be changed while
 * the upstream runs and counts from the next request on. Offsets are bytes from the start of the *file*, so that a
 * download resumed behind a fault is not struck by it again; faults strike `GET`s of distributions only.
 */
export interface Quirks {
  // Pages

  /** Only HTML, whatever is asked for. */
  htmlOnly: boolean
  /** No hash on any page, neither of files nor of metadata. */
  noHashes: boolean
  /** How the page links to files. `base` is a `<base href>` in HTML; JSON has no such thing and gets absolute links. */
  links: 'absolute' | 'relative' | 'root-relative' | 'base'
  /** Links name the second port, as PyPI's name another host (not for relative and root-relative links). */
  filesElsewhere: boolean
  /** The answer for a project, file or metadata that is not there; object stores say 403. */
  missingStatus: number
  /** The answer to every page instead of the page. */
  pageStatus: number | undefined
  /** Pages say ETag and answer `If-None-Match`. */
  conditionalPages: boolean

  // Metadata (PEP 658)

  /**
   * `listed`: on the page and there. `unlisted`: neither. `missing`: on the page, but not there. `mismatched`: not the bytes of
   * the page's hash. `false`: bytes and hash agree with each other, but not with the wheel.
   */
  metadata: 'listed' | 'unlisted' | 'missing' | 'mismatched' | 'false'

  // Files

  /** The answer to every file and metadata instead of the file. */
  fileStatus: number | undefined
  /** Sent with `pageStatus` and `fileStatus`. */
  retryAfter: string | undefined
  /** 302 to the same path on the second port. */
  redirectFiles: boolean
  /** `absent`: the whole file to any range, and no Accept-Ranges. `ignored`: the same, though Accept-Ranges is promised. */
  ranges: 'served' | 'absent' | 'ignored'
  /** Files say ETag. */
  taggedFiles: boolean
  /** `Last-Modified` of every file, HEAD included. */
  lastModified: string | undefined
  /** No Content-Length. */
  chunked: boolean
  /** Before each response, to anything. */
  latencyMs: number
  /** Of each response's body. */
  bytesPerSecond: number
  /** Ends the response at this offset: an orderly close short of its Content-Length, or, if chunked, a proper end. */
  truncateAt: number | undefined
  /** Resets the connection at this offset; what was under way then may not arrive. */
  dropConnectionAt: number | undefined
  /** Flips the bits of the byte at this offset. */
  wrongByteAt: number | undefined
  /** Added to Content-Length; the connection is closed after the true bytes. */
  lengthError: number
  /** Sends nothing more from this offset on and keeps the connection open; `headers`: does not even answer. */
  hangAt: 'headers' | number | undefined
  /** On how many responses that they concern the last five strike, counted down; then all is well. */
  faultyResponses: number
}

/** An upstream without fault. */
export const NO_QUIRKS: Readonly<Quirks> = {
  htmlOnly: false,
  noHashes: false,
  links: 'absolute',
  filesElsewhere: false,
  missingStatus: 404,
  pageStatus: undefined,
  conditionalPages: true,
  metadata: 'listed',
  fileStatus: undefined,
  retryAfter: undefined,
  redirectFiles: false,
  ranges: 'served',
  taggedFiles: true,
  lastModified: undefined,
  chunked: false,
  latencyMs: 0,
  bytesPerSecond: Infinity,
  truncateAt: undefined,
  dropConnectionAt: undefined,
  wrongByteAt: undefined,
  lengthError: 0,
  hangAt: undefined,
  faultyResponses: Infinity,
}

/** The faults that strike one response, and nothing else of the quirks. */
export type Faults = Pick<Quirks, 'truncateAt' | 'dropConnectionAt' | 'wrongByteAt' | 'lengthError' | 'hangAt'>

const NO_FAULTS: Faults = {
  truncateAt: undefined,
  dropConnectionAt: undefined,
  wrongByteAt: undefined,
  lengthError: 0,
  hangAt: undefined,
}

/** The faults of the next response to a `GET` of a distribution, which has the bytes from `first` to `last`; counts it if any lies in them. */
export function takeFaults(quirks: Quirks, { first, last }: { readonly first: number; readonly last: number }): Faults {
  const { truncateAt, dropConnectionAt, wrongByteAt, lengthError, hangAt } = quirks
  const offsets = [truncateAt, dropConnectionAt, wrongByteAt, hangAt].filter((at) => typeof at === 'number')
  const strikes = lengthError !== 0 || hangAt === 'headers' || offsets.some((at) => at >= first && at <= last)
  if (!strikes || quirks.faultyResponses <= 0) return NO_FAULTS
  quirks.faultyResponses -= 1
  return { truncateAt, dropConnectionAt, wrongByteAt, lengthError, hangAt }
}
