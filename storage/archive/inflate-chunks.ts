import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './archive.ts'
import { asRefusal, leftOver } from './content-refusals.ts'
import { isAtEnd, release } from './release.ts'

/** Large: between two of either, zlib's thread waits for this one. */
const INPUT_BYTES = 1024 * 1024
const OUTPUT_BYTES = 1024 * 1024
/** Inflated ahead of the reader, bytes: zlib runs on another thread meanwhile. */
const AHEAD_BYTES = 4 * OUTPUT_BYTES

/**
 * Inflates a large member in bounded memory; a chunk is gone when the next one is asked for. Throws {@link ArchiveRefusedError} for a bad
 * stream, and at the end for bytes that follow it; or the signal's reason.
 */
export async function* inflateChunks(file: ArchiveFile, member: Member, signal: AbortSignal): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw({ chunkSize: OUTPUT_BYTES, readableHighWaterMark: AHEAD_BYTES } as object)
  const feeding = pipeline(packedChunks(file, member), inflate, { signal })
  feeding.catch(() => {}) // it is awaited below; this one is for an iteration that ends before
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      yield chunk
      // Of a chunk that is not full zlib may go on to fill the rest.
      if (isAtEnd(chunk)) release(chunk)
    }
    await feeding
  } catch (error) {
    signal.throwIfAborted()
    throw endedEarly(error) ? leftOver(member) : asRefusal(error, member)
  } finally {
    inflate.destroy()
  }
  if (inflate.bytesWritten !== member.compressedSize) throw leftOver(member)
}

/** zlib has seen its end, and node's stream wants no more of what is still being written to it. */
function endedEarly(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR' || code === 'ERR_STREAM_WRITE_AFTER_END'
}

/** Each in memory of its own: zlib reads it on another thread. The next is asked for when zlib is done with it. */
function* packedChunks(file: ArchiveFile, member: Member): Generator<Buffer> {
  for (let done = 0; done < member.compressedSize; done += INPUT_BYTES) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(INPUT_BYTES, member.compressedSize - done))
    file.read(chunk, member.dataOffset + done)
    yield chunk
  }
}
