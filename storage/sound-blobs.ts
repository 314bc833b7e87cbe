import { LRUCache } from 'lru-cache'
import type { OpenBlob } from './blobs/blob-store.ts'
import type { Clock } from './clock.ts'
import type { Blake3 } from './digest.ts'
import type { FileStamp } from './io.ts'
import { PassingBlob } from './passing-blob.ts'

/** Blobs that are remembered: some megabytes. */
const MAX_BLOBS = 20_000
/** The coarsest steps in which a file system tells time, milliseconds (FAT). */
const COARSEST_MS = 2000

/**
 * Remembers which blobs were found to be what their names say, and in what state their files were then: as long as a file is in that state, nobody
 * need hash it again. So it is seen that somebody changed a file, and of what the disk itself changes, what was so before the first read.
 */
export class SoundBlobs {
  readonly #stamps = new LRUCache<Blake3, string>({ max: MAX_BLOBS })
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For who reads all of a blob from `file`, what to show each piece to. Undefined: it is known to be sound. */
  watch(blob: { readonly blake3: Blake3; readonly size: number }, file: OpenBlob): PassingBlob | undefined {
    const startedAt = this.#clock()
    const stamp = findStamp(file)
    if (stamp !== undefined && this.#stamps.get(blob.blake3) === stamp.text) return undefined
    return new PassingBlob(blob, () => {
      // What was changed just now may be changed once more without another time.
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
