import { type Gunzip, gunzipSync } from 'node:zlib'
import type { ArchiveFile } from './archive-file.ts'
import type { Member } from './archive.ts'
import { readMember } from './contents.ts'
import { release } from './release.ts'

/** RFC 1952: magic, deflate, no flags, no time, no hint, system unknown. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff])
const GZIP_MAGIC = GZIP_HEADER.subarray(0, 3)
const GZIP_TRAILER_BYTES = 8
const WRAPPING_BYTES = GZIP_HEADER.length + GZIP_TRAILER_BYTES

/** A member of up to this many bytes, packed and unpacked, may share a pass through zlib with others. */
const MAX_SHARING_BYTES = 64 * 1024 - 1

/** May the member be among those of {@link readTogether}? */
export function canShare({ method, size, compressedSize }: Member): boolean {
  return method === 8 && size > 0 && size <= MAX_SHARING_BYTES && compressedSize <= MAX_SHARING_BYTES
}

/**
 * The contents of members that {@link canShare}, each of the right length and CRC-32, in the order given, and all in one piece of memory,
 * which is the caller's. To set up zlib costs more than
 * to inflate a small file, so they go through it as one gzip file of many members, and zlib itself checks every length and CRC-32. Throws
 * {@link ArchiveRefusedError}.
 */
export function readTogether(file: ArchiveFile, members: readonly Member[]): Buffer[] {
  const total = members.reduce((sum, { size }) => sum + size, 0)
  const contents = inflateAll(wrapAll(file, members), { members, total })
  // Which of them is at fault, and how, or whether none is, is for the pedestrian way to say.
  if (contents === undefined) return members.map((member) => Buffer.from(readMember(file, member)))
  let at = 0
  return members.map(({ size }) => contents.subarray(at, (at += size)))
}

/** Each member's deflate stream between the header and the trailer of gzip. */
function wrapAll(file: ArchiveFile, members: readonly Member[]): Buffer {
  const length = members.reduce((sum, { compressedSize }) => sum + compressedSize + WRAPPING_BYTES, 0)
  const wrapped = Buffer.allocUnsafe(length)
  let at = 0
  for (const { dataOffset, compressedSize, crc32, size } of members) {
    at += GZIP_HEADER.copy(wrapped, at)
    at += file.view(dataOffset, compressedSize).copy(wrapped, at)
    at = wrapped.writeUInt32LE(crc32, at)
    at = wrapped.writeUInt32LE(size, at)
  }
  return wrapped
}

/**
 * Undefined where not every stream fills exactly its own place. That they do follows from four things: a gzip member can begin only where its
 * magic number is, and that is nowhere but at our own headers; zlib held the length of each against its trailer; all bytes were read, and Node
 * takes a zero byte behind a trailer for the end of all; and the lengths add up to those of all members, none of which is 0, so none was run
 * over by the one before.
 */
function inflateAll(
  wrapped: Buffer,
  { members, total }: { readonly members: readonly Member[]; readonly total: number },
): Buffer | undefined {
  if (countMagic(wrapped) !== members.length) return undefined
  try {
    // One byte more: a stream that fills its buffer exactly costs a second one.
    const settings = { info: true, chunkSize: Math.max(64, total + 1), maxOutputLength: total }
    const { buffer, engine } = gunzipSync(wrapped, settings) as unknown as { buffer: Buffer; engine: Gunzip }
    return buffer.length === total && engine.bytesWritten === wrapped.length ? buffer : undefined
  } catch {
    return undefined
  } finally {
    release(wrapped)
  }
}

function countMagic(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(GZIP_MAGIC); at >= 0; at = bytes.indexOf(GZIP_MAGIC, at + 1)) count += 1
  return count
}
