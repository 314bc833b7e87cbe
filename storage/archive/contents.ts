import { crc32, type InflateRaw, inflateRawSync } from 'node:zlib'
import type { Member } from './archive.ts'
import type { ArchiveFile } from './archive-file.ts'
import { asRefusal, leftOver, wrongChecksum, wrongSize } from './content-refusals.ts'
import { inflateChunks } from './inflate-chunks.ts'

/** A member of up to this many bytes, packed and unpacked, is read whole; a larger one flows through in pieces. */
export const MAX_WHOLE_BYTES = 4 * 1024 * 1024

/** The pieces in which a large stored member is read, bytes: two of them stay in a processor's cache while they are hashed and written. */
const PIECE_BYTES = 1024 * 1024

/** Is the member small enough for {@link readMember}? */
export function isWhole(member: Member): boolean {
  return member.size <= MAX_WHOLE_BYTES && member.compressedSize <= MAX_WHOLE_BYTES
}

/**
 * The contents of a member that {@link isWhole}, or that there is room for in memory, of the right length and CRC-32: of a stored one valid
 * until the archive is read again, else in memory that is the caller's. Throws {@link ArchiveRefusedError} (archives.md, rows 15 to 19).
 */
export function readMember(file: ArchiveFile, member: Member): Buffer {
  const packed = file.view(member.dataOffset, member.compressedSize)
  const contents = member.method === 0 ? packed : inflate(packed, member)
  if (contents.length !== member.size) throw wrongSize(member)
  if (crc32(contents) !== member.crc32) throw wrongChecksum(member)
  return contents
}

/**
 * The contents of a member of any size, in pieces that are valid until the second one after them is asked for. Nothing beyond the promised size comes
 * out, but only the end of the iteration says that what came is right. Throws {@link ArchiveRefusedError}, or the signal's reason.
 */
export async function* streamMember(file: ArchiveFile, member: Member, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pieces = member.method === 0 ? readPieces(file, member) : inflateChunks(file, member)
  let size = 0
  let checksum = 0
  for await (const piece of pieces) {
    signal.throwIfAborted()
    size += piece.length
    if (size > member.size) throw wrongSize(member)
    yield piece
    // Last, since it is the slowest on bytes that are not in a processor's cache yet, and whoever asked has brought them there.
    checksum = crc32(piece, checksum)
  }
  if (size !== member.size) throw wrongSize(member)
  if (checksum !== member.crc32) throw wrongChecksum(member)
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

function* readPieces(file: ArchiveFile, member: Member): Generator<Buffer> {
  const length = Math.min(PIECE_BYTES, member.size)
  let buffer = Buffer.allocUnsafeSlow(length)
  let other = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < member.size; done += length) {
    const piece = buffer.subarray(0, Math.min(length, member.size - done))
    file.read(piece, member.dataOffset + done)
    yield piece
    ;[buffer, other] = [other, buffer]
  }
}
