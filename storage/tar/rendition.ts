/** Bytes that are made of stored ones while they are read: an archive, or a file in another coding. */
export interface Rendition {
  /** Bytes; undefined where only the end tells. */
  readonly size: number | undefined
  /** The same for what unpacks to the same, and for nothing else. */
  readonly validator: string
  /** Whether what has the same validator is also the same byte for byte. */
  readonly isExact: boolean
  /** The whole, where it is kept in memory. */
  readonly bytes?: Uint8Array
  /**
   * A range only of what has a size. The iteration must be iterated or given up; a chunk is valid until the next one is asked for.
   * Throws {@link BlobDamagedError} where a file of the store is gone or short.
   */
  open(range: RenditionRange | undefined): Promise<AsyncIterable<Uint8Array>>
}

/** First and last byte, both included. */
export interface RenditionRange {
  readonly first: number
  readonly last: number
}
