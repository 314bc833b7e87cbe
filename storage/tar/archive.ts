/** Bytes that are made of stored ones while they are read. */
export interface Archive {
  /** Bytes; undefined where only the end tells. Then it is read from its start to its end. */
  readonly size: number | undefined
  /** The same for what unpacks to the same, and for nothing else. */
  readonly validator: string
  /** Whether what has the same validator is also the same byte for byte. */
  readonly isExact: boolean
  /** From `first` to `last`, both included. The iteration must be iterated or given up; a chunk is valid until the next one is asked for. */
  open(first: number, last: number): Promise<AsyncIterable<Uint8Array>>
}
