import type { Member } from '../archive/archive.ts'
import { createHasher, hashSha256 } from '../digest.ts'
import { type Listing, matches } from '../record.ts'

/** The hash that RECORD has of a large file, which is made while the file is being written. */
export interface RecordHash {
  /** These bytes of it are written. */
  wrote(piece: Uint8Array): void
  /** All are written. The digest in hex. */
  finish(): Promise<string>
}

/** Starts the hash of `member`, which is being written to `path`. */
export type StartRecordHash = (algorithm: string, path: string, member: Member) => RecordHash

/** In this thread, as the bytes pass by. */
export const hashHere: StartRecordHash = (algorithm) => {
  const hasher = createHasher(algorithm)
  return { wrote: (piece) => hasher.update(piece), finish: () => Promise.resolve(hasher.hex()) }
}

/** Whether a file in memory is what RECORD says; it is where RECORD says nothing. */
export function isAsListed(listing: Listing | undefined, bytes: Uint8Array): boolean {
  if (listing === undefined) return true
  return matches(listing, hashBy(listing.algorithm, bytes), bytes.length)
}

function hashBy(algorithm: string | undefined, bytes: Uint8Array): string {
  if (algorithm === undefined) return ''
  if (algorithm === 'sha256') return hashSha256(bytes)
  const hasher = createHasher(algorithm)
  hasher.update(bytes)
  return hasher.hex()
}
