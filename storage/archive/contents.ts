import { crc32, type InflateRaw, inflateRawSync } from 'node:zlib'
import type { Member } from './member.ts'
import type { ArchiveFile } from './archive-file.ts'
import { asRefusal, leftOver, wrongChecksum, wrongSize } from './content-refusals.ts'

/** A member of up to this many bytes, packed and unpacked, is read whole; a larger one flows through in pieces. */
export const MAX_WHOLE_BYTES = 4 * 1024 * 1024

/** Is the member small enough to be read whole? */
export function isWhole(member: Member): boolean {
  return member.size <= MAX_WHOLE_BYTES && member.compressedSize <= MAX_WHOLE_BYTES
}

/**
 * The contents of a single member that {@link isWhole}, or that there is room for in memory, of the right length and CRC-32: of a stored one valid
 * until the archive is read again, else in memory that is the caller's. Throws {@link ArchiveRefusedError} (test/hostile, rows 15 to 19).
 */
export function readMember(file: ArchiveFile, member: Member): Buffer {
  const packed = file.view(member.dataOffset, member.compressedSize)
  const contents = member.method === 0 ? packed : inflate(packed, member)
  assertContents(contents, member)
  return contents
}

/** Throws {@link ArchiveRefusedError} for a wrong length or CRC-32. */
export function assertContents(contents: Buffer, member: Member): void {
  if (contents.length !== member.size) throw wrongSize(member)
  if (crc32(contents) !== member.crc32) throw wrongChecksum(member)
}

interface InflatedWithEngine {
  readonly buffer: Buffer
  readonly engine: InflateRaw
}

function inflate(packed: Buffer, member: Member): Buffer {
  // One byte more than it should be: a stream that fills its buffer exactly costs a second one.
  const chunkSize = Math.max(64, member.size + 1)
  const settings = { info: true, maxOutputLength: Math.max(1, member.size), chunkSize }
  try {
    const { buffer, engine } = inflateRawSync(packed, settings) as unknown as InflatedWithEngine
    // Node ignores what follows the end of the stream.
    if (engine.bytesWritten !== packed.length) throw leftOver(member)
    return buffer
  } catch (error) {
    throw asRefusal(error, member)
  }
}
