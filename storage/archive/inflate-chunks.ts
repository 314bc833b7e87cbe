import { setImmediate } from 'node:timers/promises'
import { createInflateRaw, type InflateRaw } from 'node:zlib'
import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './archive.ts'
import { asRefusal, leftOver } from './content-refusals.ts'
import { isAtEnd, release } from './release.ts'

/** Large: between two of either, zlib's thread waits for this one. */
const INPUT_BYTES = 2 * 1024 * 1024
/** What comes out is hashed and written next: of a quarter of the size there are too many to hand over, of twice the size they leave the cache. */
const OUTPUT_BYTES = 1024 * 1024
/** Chunks that are inflated ahead of the reader: zlib runs on another thread meanwhile. */
const AHEAD_CHUNKS = 4

/** Given out at once, bytes: they stay in a processor's cache while they are hashed and written, and zlib does not wait for long. */
const PIECE_BYTES = 512 * 1024

/**
 * Inflates a large member in bounded memory; a piece is gone when the second one after it is asked for. Throws {@link ArchiveRefusedError} for a bad
 * stream, and at the end for bytes that follow it.
 */
export async function* inflateChunks(file: ArchiveFile, member: Member): AsyncGenerator<Buffer> {
  // Objects: of several chunks that wait, a stream of bytes would make one, which is a copy of everything.
  const settings = { chunkSize: OUTPUT_BYTES, readableObjectMode: true, readableHighWaterMark: AHEAD_CHUNKS }
  const inflate = createInflateRaw(settings)
  void feed(file, member, inflate)
  let spent: Buffer | undefined
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        yield chunk.subarray(at, at + PIECE_BYTES)
        // zlib may be done with what it had.
        await setImmediate()
      }
      if (spent !== undefined) release(spent)
      // Of a chunk that is not full zlib may go on to fill the rest.
      spent = isAtEnd(chunk) ? chunk : undefined
    }
  } catch (error) {
    throw asRefusal(error, member)
  } finally {
    inflate.destroy()
  }
  if (inflate.bytesWritten !== member.compressedSize) throw leftOver(member)
}

/** Never rejects: what goes wrong ends `inflate`, whose reader hears of it. */
async function feed(file: ArchiveFile, member: Member, inflate: InflateRaw): Promise<void> {
  try {
    for (let done = 0; done < member.compressedSize; done += INPUT_BYTES) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(INPUT_BYTES, member.compressedSize - done))
      file.read(chunk, member.dataOffset + done)
      await write(inflate, chunk)
      release(chunk)
    }
    inflate.end()
  } catch (error) {
    inflate.destroy(error as Error)
  }
}

/** Resolves when zlib, on its other thread, has read all of the chunk; never where it wants no more. */
function write(inflate: InflateRaw, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    inflate.write(chunk, (error) => (error === null || error === undefined ? resolve() : reject(error)))
  })
}
