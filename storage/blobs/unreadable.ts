import type { Blake3 } from '../digest.ts'
import { BlobDamagedError } from '../errors.ts'

/** The disk says that it cannot read these bytes (any more). */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EIO'
}

/** A {@link BlobDamagedError} in place of node's error where the disk cannot read the file; any other error as it is. */
export function asDamage(blake3: Blake3, error: unknown): unknown {
  return isUnreadable(error) ? new BlobDamagedError(blake3, 'cannot be read', { cause: error }) : error
}
