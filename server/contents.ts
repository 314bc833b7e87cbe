import type { ByteRange, Content } from '../routes/content.ts'
import type { AtHand } from '../storage/at-hand.ts'
import type { Blake3, Sha256 } from '../storage/digest.ts'
import { StoreChangedError } from '../storage/errors.ts'
import type { Spool } from '../storage/spool.ts'
import type { Rendition } from '../storage/tar/rendition.ts'
import type { StoredBlob } from '../storage/stored-blobs.ts'

/** A stored blob as content. */
export function storedContent(blob: StoredBlob, sha256: Sha256 | undefined): Content {
  return {
    size: blob.size,
    sha256,
    blake3: blob.blake3,
    bytes: blob.bytes,
    open: (range, signal) => blob.open(range?.first ?? 0, range?.last ?? blob.size - 1, signal),
  }
}

/** The same content, for which `findAnew` is asked once more if another process has pruned it by the time it is opened. */
export function renewedContent(content: Content, findAnew: () => AtHand<Content | undefined>): Content {
  if (content.bytes !== undefined) return content
  return {
    ...content,
    async open(range, signal) {
      try {
        return await content.open(range, signal)
      } catch (error) {
        const found = error instanceof StoreChangedError ? await findAnew() : undefined
        if (found === undefined) throw error
        return found.open(range, signal)
      }
    },
  }
}

/** Bytes that are in memory anyway. */
export function memoryContent(
  bytes: Uint8Array,
  digests: { readonly sha256: Sha256; readonly blake3: Blake3 },
): Content {
  return {
    size: bytes.length,
    ...digests,
    bytes,
    open: (range) => Promise.resolve(oneChunk(bytes, range)),
  }
}

/** A download that is followed; by the time it is opened it may be over, and its file `landed` in the store. */
export function spoolContent(spool: Spool, sha256: Sha256 | undefined, landed: () => Promise<Content>): Content {
  return {
    size: spool.size,
    sha256,
    blake3: undefined,
    bytes: undefined,
    async open(range, signal) {
      const following = spool.follow(range?.first ?? 0, range?.last, signal)
      return following ?? (await landed()).open(range, signal)
    },
  }
}

/** What is made of stored bytes while it is read. */
export function renditionContent(rendition: Rendition): Content {
  const { size, validator, isExact, bytes } = rendition
  const open: Content['open'] = (range) => rendition.open(range)
  return { size, sha256: undefined, blake3: undefined, validator, isExact, bytes, open }
}

/** A file that is not stored, for a request that may need none of it (HEAD), or only a range. What it takes is done by `open`. */
export function unfetchedContent(size: number, sha256: Sha256 | undefined, open: Content['open']): Content {
  return { size, sha256, blake3: undefined, bytes: undefined, open }
}

/** Bytes in memory, as a content gives them. */
export async function* oneChunk(bytes: Uint8Array, range?: ByteRange): AsyncGenerator<Uint8Array, undefined> {
  yield range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)
  return undefined
}
