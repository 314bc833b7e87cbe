import type { Blake3, Sha256 } from '../storage/digest.ts'

/** First and last byte, both included, as in `Content-Range`. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** Bytes that can be served, whole or by range: a stored blob, or a download that is being followed. */
export interface Content {
  /** Bytes; undefined only while a download runs whose length upstream did not say. */
  readonly size: number | undefined
  /** Known for stored bytes, and for a download by what the index promises. */
  readonly sha256: Sha256 | undefined
  readonly blake3: Blake3 | undefined
  /** Identifies bytes whose digest is not known, since they are made while they are sent: the ETag instead of a digest. */
  readonly validator?: string | undefined
  /** False: two contents with the same validator mean the same, but may differ in bytes, so that the ETag is weak. */
  readonly isExact?: boolean | undefined
  /** The whole, where it is small enough to be kept in memory. */
  readonly bytes: Uint8Array | undefined
  /**
   * Starts reading; rejects where that is impossible, so that an error can still become a status. What it resolves to must be
   * iterated at once; a chunk is valid only until the next one is asked for. The iteration *throws* if the bytes turn out wrong or short: the
   * response must then be broken off, never ended.
   */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}
