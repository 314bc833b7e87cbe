import { ArchiveRefusedError } from '../errors.ts'
import type { ArchiveFile } from './archive-file.ts'
import { assertPlainComment } from './comment.ts'
import { type EndFields, readEnd64 } from './end-record-64.ts'

const END_SIGNATURE = Buffer.from([0x50, 0x4b, 0x05, 0x06])
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const RECORD_SIGNATURE = 0x02014b50

/** Where the central directory is, according to the end of the archive; all of it was checked against the file. */
export interface ArchiveEnd {
  readonly entries: number
  readonly directoryOffset: number
  readonly directorySize: number
}

/**
 * Reads the end record (APPNOTE.TXT 4.3.16, 4.3.14): there must be exactly one way to find it, it must end where the file
 * ends, and the directory must end where it begins (test/hostile, rows 1, 3 to 7). Throws {@link ArchiveRefusedError}.
 */
export function readEnd(file: ArchiveFile): ArchiveEnd {
  const tailStart = Math.max(0, file.size - END_BYTES - MAX_COMMENT_BYTES)
  const tail = file.view(tailStart, file.size - tailStart)
  const at = findEnd(tail)
  assertPlainComment(tail.subarray(at + END_BYTES), 'the archive')
  // A directory at 89 MB or behind can have one begin in the last fields: yauzl and others, who search from the end, would take it.
  if (tail.lastIndexOf(END_SIGNATURE) !== at) throw new ArchiveRefusedError('not-a-zip', 'there are two end records')
  const fields = {
    disk: tail.readUInt16LE(at + 4),
    directoryDisk: tail.readUInt16LE(at + 6),
    entriesOnDisk: tail.readUInt16LE(at + 8),
    entries: tail.readUInt16LE(at + 10),
    directorySize: tail.readUInt32LE(at + 12),
    directoryOffset: tail.readUInt32LE(at + 16),
  }
  const position = tailStart + at
  const wide = readEnd64(file, position, fields)
  const end = wide?.fields ?? fields
  if (end.disk !== 0 || end.directoryDisk !== 0) {
    throw new ArchiveRefusedError('unsupported', 'the archive is one of several volumes')
  }
  if (end.entriesOnDisk !== end.entries) {
    throw new ArchiveRefusedError('directory-mismatch', `${end.entries} entries, ${end.entriesOnDisk} of them here`)
  }
  assertDirectoryMeets(file, end, wide?.position ?? position)
  return end
}

/**
 * The position of the one record whose comment reaches the end of the file. Where there are two, the first is taken: the second is
 * then part of its comment, which no comment may hold.
 */
function findEnd(tail: Buffer): number {
  let found: number | undefined
  let endsEarly = false
  for (
    let at = tail.lastIndexOf(END_SIGNATURE);
    at >= 0;
    at = at === 0 ? -1 : tail.lastIndexOf(END_SIGNATURE, at - 1)
  ) {
    if (at + END_BYTES > tail.length) continue
    const end = at + END_BYTES + tail.readUInt16LE(at + 20)
    if (end === tail.length) found = at
    else if (end < tail.length) endsEarly = true
  }
  if (found !== undefined) return found
  if (endsEarly) throw new ArchiveRefusedError('trailing-data', 'bytes follow the end of the archive')
  throw new ArchiveRefusedError('not-a-zip', 'there is no end record of a zip')
}

function assertDirectoryMeets(file: ArchiveFile, end: EndFields, endPosition: number): void {
  const directoryEnd = end.directoryOffset + end.directorySize
  if (directoryEnd === endPosition) return
  const detail = `the directory ends at ${directoryEnd}, the end record begins at ${endPosition}`
  if (directoryEnd > endPosition) throw new ArchiveRefusedError('directory-mismatch', detail)
  if (isRecord(file, endPosition - end.directorySize) && !isRecord(file, end.directoryOffset)) {
    throw new ArchiveRefusedError('prefix', 'bytes precede the archive')
  }
  const between = file.view(directoryEnd, Math.min(END_BYTES, endPosition - directoryEnd))
  if (between.subarray(0, 4).equals(END_SIGNATURE))
    throw new ArchiveRefusedError('not-a-zip', 'there are two end records')
  throw new ArchiveRefusedError('directory-mismatch', detail)
}

function isRecord(file: ArchiveFile, position: number): boolean {
  return position + 4 <= file.size && file.view(position, 4).readUInt32LE(0) === RECORD_SIGNATURE
}
