import { setImmediate } from 'node:timers/promises'
import { createInflateRaw, type InflateRaw } from 'node:zlib'
import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './archive.ts'
import { asRefusal, leftOver } from './content-refusals.ts'
import { isAtEnd, release } from './release.ts'

/** Large: between two of either, zlib's thread waits for this one. */
const INPUT_BYTES = 2 * 1024 * 1024
const OUTPUT_BYTES = 4 * 1024 * 1024
/** Inflated ahead of the reader, bytes: zlib runs on another thread meanwhile. */
const AHEAD_BYTES = 2 * OUTPUT_BYTES

/** Given out at once, bytes: they stay in a processor's cache while they are hashed and written, and zlib does not wait for long. */
const PIECE_BYTES = 256 * 1024

/**
 * Inflates a large member in bounded memory; a piece is gone when the next one is asked for. Throws {@link ArchiveRefusedError} for a bad
 * stream, and at the end for bytes that follow it.
 */
export async function* inflateChunks(file: ArchiveFile, member: Member): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw({ chunkSize: OUTPUT_BYTES, readableHighWaterMark: AHEAD_BYTES } as object)
  void feed(file, member, inflate)
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        yield chunk.subarray(at, at + PIECE_BYTES)
        // zlib may be done with what it had.
        await setImmediate()
      }
      // Of a chunk that is not full zlib may go on to fill the rest.
      if (isAtEnd(chunk)) release(chunk)
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
