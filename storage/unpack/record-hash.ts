import { MAX_WHOLE_BYTES } from '../archive/contents.ts'
import { type Blake3, createHasher, hashSha256 } from '../digest.ts'
import type { SyncIo } from '../io.ts'
import { type Listing, matches } from '../record.ts'
import type { Share, Task } from './plan.ts'

/** The hash that RECORD has of a large file. */
export interface ListedHash {
  readonly algorithm: string
  readonly hex: string
}

/** A large file whose hash was not compared yet: SHA-256 would take a fifth of the time that the tree takes. */
export interface UncheckedBlob extends ListedHash {
  readonly blake3: Blake3
}

/** Read at once, bytes: they stay in a processor's cache while they are hashed. */
const PIECE_BYTES = 256 * 1024

/** Whether a file in memory is what RECORD says; it is where RECORD says nothing. */
export function isAsListed(listing: Listing | undefined, bytes: Uint8Array): boolean {
  if (listing === undefined) return true
  return matches(listing, hashBy(listing.algorithm, bytes), bytes.length)
}

/** Whether a member can be what RECORD says, as far as that is known without its hash. */
export function mayBeAsListed({ member, listing }: Task): boolean {
  return listing === undefined || matches(listing, listing.hex, member.size)
}

/** The large files of a share that RECORD has a hash of, to compare when the tree is there. `digests`: of each task in its order. */
export function uncheckedOf(share: Share, digests: readonly (Blake3 | undefined)[]): UncheckedBlob[] {
  return share.flatMap(({ member, listing }, index) => {
    const blake3 = digests[index]
    if (member.size <= MAX_WHOLE_BYTES || blake3 === undefined || listing?.algorithm === undefined) return []
    return [{ blake3, algorithm: listing.algorithm, hex: listing.hex }]
  })
}

/** Whether the file at `path` has this hash. Throws the error of the disk. */
export function hasHash(io: SyncIo, path: string, { algorithm, hex }: ListedHash): boolean {
  const descriptor = io.open(path)
  try {
    const hasher = createHasher(algorithm)
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    for (let position = 0, count = PIECE_BYTES; count === PIECE_BYTES; position += count) {
      count = io.read(descriptor, piece, position)
      hasher.update(piece.subarray(0, count))
    }
    return hasher.hex() === hex
  } finally {
    io.close(descriptor)
  }
}

function hashBy(algorithm: string | undefined, bytes: Uint8Array): string {
  if (algorithm === undefined) return ''
  if (algorithm === 'sha256') return hashSha256(bytes)
  const hasher = createHasher(algorithm)
  hasher.update(bytes)
  return hasher.hex()
}
