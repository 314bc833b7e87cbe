import type { ByteRange, Content } from '../../routes/content.ts'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'

/** A content over bytes in memory that counts its readers, so that a test can tell whether all of them were closed. */
export interface WatchedContent extends Content {
  readonly readers: { opened: number; open: number }
}

/** A content that is read as if from the disk: in chunks of `chunkBytes`, all in one buffer, which the next chunk overwrites. */
export function streamedContent(
  bytes: Uint8Array,
  options: {
    readonly chunkBytes?: number
    /** False: a download whose length upstream did not say. */
    readonly sized?: boolean
    /** False: a download of which only the SHA-256 is promised. */
    readonly stored?: boolean
    /** Awaited before each chunk; where it rejects, the iteration throws. */
    readonly before?: (offset: number, signal: AbortSignal) => Promise<void>
  } = {},
): WatchedContent {
  const readers = { opened: 0, open: 0 }
  const { chunkBytes = 1000, sized = true, stored = true, before } = options
  async function* read(range: ByteRange | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      const part = bytes.subarray(range?.first ?? 0, (range?.last ?? bytes.length - 1) + 1)
      const buffer = Buffer.alloc(chunkBytes)
      for (let offset = 0; offset < part.length; offset += chunkBytes) {
        await before?.(offset, signal)
        signal.throwIfAborted()
        const chunk = part.subarray(offset, offset + chunkBytes)
        buffer.set(chunk)
        yield buffer.subarray(0, chunk.length)
        buffer.fill(0)
      }
    } finally {
      readers.open -= 1
    }
  }
  return {
    size: sized ? bytes.length : undefined,
    sha256: hashSha256(bytes),
    blake3: stored ? hashBlake3(bytes) : undefined,
    bytes: undefined,
    readers,
    open(range, signal) {
      readers.opened += 1
      readers.open += 1
      return Promise.resolve(read(range, signal))
    },
  }
}

/** A content in memory, as that of a small stored blob: it must not be opened. */
export function keptContent(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    sha256: hashSha256(bytes),
    blake3: hashBlake3(bytes),
    bytes,
    open: () => Promise.reject(new Error('It is in memory.')),
  }
}

/** Bytes that are easy to tell from one another, and from those of another seed. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + (index >> 8) + seed * 7) & 0xff
  return bytes
}
