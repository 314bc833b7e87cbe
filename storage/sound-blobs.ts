import { LRUCache } from 'lru-cache'
import type { OpenBlob } from './blobs/blob-store.ts'
import type { Clock } from './clock.ts'
import type { Blake3 } from './digest.ts'
import type { FileStamp } from './io.ts'
import { PassingBlob } from './passing-blob.ts'

/** How many blobs are remembered: some megabytes. */
const MAX_BLOBS = 20_000
/** The coarsest steps in which a file system tells time, milliseconds (FAT). */
const COARSEST_MS = 2000

/**
 * Remembers which blobs have the bytes that their names promise, and the state of their files when that was found. As long as a file is in that state,
 * nobody need hash it again. A change that somebody makes shows in the state; one by the disk itself does not, and is seen only if it was there before
 * the blob was first read.
 */
export class SoundBlobs {
  readonly #stamps = new LRUCache<Blake3, string>({ max: MAX_BLOBS })
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be shown each piece by whoever reads all of a blob from `file`. Undefined: the blob is known to be sound. */
  watch(blob: { readonly blake3: Blake3; readonly size: number }, file: OpenBlob): PassingBlob | undefined {
    const startedAt = this.#clock()
    const stamp = findStamp(file)
    if (stamp !== undefined && this.#stamps.get(blob.blake3) === stamp.text) return undefined
    return new PassingBlob(blob, () => {
      // A file that was changed just now may be changed once more and have the same time.
      if (stamp !== undefined && stamp.changedAt < startedAt - COARSEST_MS) this.#stamps.set(blob.blake3, stamp.text)
    })
  }
}

/** Undefined where the file system does not say. */
function findStamp(file: OpenBlob): FileStamp | undefined {
  try {
    return file.stamp()
  } catch {
    return undefined // best effort: it is hashed then
  }
}
