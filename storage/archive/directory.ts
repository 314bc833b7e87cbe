import type { Entry } from 'yauzl'
import { ArchiveRefusedError } from '../errors.ts'
import type { TreePath } from '../names.ts'
import type { ArchiveFile } from './archive-file.ts'
import { assertPlainComment } from './comment.ts'
import type { ArchiveEnd } from './end-record.ts'
import { assertSupported } from './features.ts'
import { findZip64Body, isOnFirstVolume, resolveZip64 } from './extra-fields.ts'
import { parseMemberName } from './member-name.ts'
import { isDirectoryRecord, isExecutable } from './member-type.ts'
import type { ArchiveLimits } from './policy.ts'
import { RecordReader } from './record-reader.ts'

const RECORD_SIGNATURE = 0x02014b50
const RECORD_BYTES = 46

/** One record of the central directory, checked as far as that is possible without the member itself. */
export interface DirectoryRecord {
  readonly path: TreePath
  readonly rawName: Buffer
  readonly isDirectory: boolean
  readonly isExecutable: boolean
  readonly flags: number
  readonly method: number
  readonly crc32: number
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes when unpacked. */
  readonly size: number
  /** Of the local header in the file. */
  readonly offset: number
}

/**
 * Reads the central directory: yauzl parses it, and each record is checked for what yauzl takes as it comes (test/hostile, rows 7 and 22 to
 * 40). Throws {@link ArchiveRefusedError}.
 */
export function readDirectory(file: ArchiveFile, end: ArchiveEnd, limits: ArchiveLimits): DirectoryRecord[] {
  const { entries, directorySize, directoryOffset } = end
  if (entries > limits.maxEntries) throw new ArchiveRefusedError('limit', `${entries} entries`)
  if (directorySize > limits.maxDirectoryBytes) {
    throw new ArchiveRefusedError('limit', `a central directory of ${directorySize} bytes`)
  }
  // Its size was checked against the file, so this is memory for bytes that are there.
  const directory = Buffer.allocUnsafeSlow(directorySize)
  file.read(directory, directoryOffset)
  const reader = new RecordReader(file, end, directory)
  const records: DirectoryRecord[] = []
  let position = 0
  for (let count = 0; count < entries; count += 1) {
    const raw = sliceRecord(directory, position)
    records.push(readRecord(raw, reader, limits))
    position += raw.length
  }
  if (position !== directorySize) {
    throw new ArchiveRefusedError(
      'directory-mismatch',
      `${directorySize - position} bytes follow the last of ${entries} entries`,
    )
  }
  return records
}

function sliceRecord(directory: Buffer, position: number): Buffer {
  const head = directory.subarray(position, position + RECORD_BYTES)
  if (head.length < RECORD_BYTES || head.readUInt32LE(0) !== RECORD_SIGNATURE) {
    throw new ArchiveRefusedError('directory-mismatch', `there is no entry at ${position} of the directory`)
  }
  const length = RECORD_BYTES + head.readUInt16LE(28) + head.readUInt16LE(30) + head.readUInt16LE(32)
  const record = directory.subarray(position, position + length)
  if (record.length < length)
    throw new ArchiveRefusedError('directory-mismatch', 'the last entry is longer than the directory')
  return record
}

/** Checks first what yauzl would refuse with a reason of its own, or would settle silently. */
function readRecord(raw: Buffer, reader: RecordReader, limits: ArchiveLimits): DirectoryRecord {
  const nameEnd = RECORD_BYTES + raw.readUInt16LE(28)
  const extraEnd = nameEnd + raw.readUInt16LE(30)
  const name = raw.subarray(RECORD_BYTES, nameEnd)
  const { path, isDirectory } = parseMemberName(name, raw.readUInt16LE(8), limits)
  assertPlainComment(raw.subarray(extraEnd), 'a member', path)
  const body = findZip64Body({ name, extra: raw.subarray(nameEnd, extraEnd), path })
  if (!isOnFirstVolume(raw.readUInt16LE(34), body)) {
    throw new ArchiveRefusedError('unsupported', 'it is on another volume', path)
  }
  const fields = [raw.readUInt32LE(24), raw.readUInt32LE(20), raw.readUInt32LE(42)]
  const resolved = resolveZip64(body, fields, path)
  assertSupported({ version: raw.readUInt16LE(6), flags: raw.readUInt16LE(8), method: raw.readUInt16LE(10) }, path)
  const entry = nextEntry(reader, path)
  const same = [entry.uncompressedSize, entry.compressedSize, entry.relativeOffsetOfLocalHeader]
  if (resolved.some((value, index) => value !== same[index])) {
    throw new ArchiveRefusedError('zip64', 'its sizes can be read in two ways', path)
  }
  const record = {
    path,
    rawName: name,
    isDirectory,
    isExecutable: isExecutable(entry),
    flags: entry.generalPurposeBitFlag,
    method: entry.compressionMethod,
    crc32: entry.crc32,
    compressedSize: entry.compressedSize,
    size: entry.uncompressedSize,
    offset: entry.relativeOffsetOfLocalHeader,
  }
  if (isDirectoryRecord(entry, path) !== isDirectory) {
    throw new ArchiveRefusedError(
      'directory-entry',
      'its name and its mode disagree on whether it is a directory',
      path,
    )
  }
  assertSizes(record)
  return record
}

function nextEntry(reader: RecordReader, path: string): Entry {
  try {
    return reader.next()
  } catch (error) {
    throw new ArchiveRefusedError('directory-mismatch', 'its entry cannot be read', path, { cause: error })
  }
}

/** A deflate stream of nothing: two bytes, or five where it is a stored block. */
const MAX_EMPTY_STREAM_BYTES = 5

/** The most that one byte of deflate can stand for: 258 bytes in two bits. */
const MAX_DEFLATE_RATIO = 1032

function assertSizes({ path, isDirectory, method, crc32, size, compressedSize }: DirectoryRecord): void {
  if (isDirectory && (size !== 0 || crc32 !== 0 || compressedSize > MAX_EMPTY_STREAM_BYTES)) {
    throw new ArchiveRefusedError('directory-entry', 'a directory with contents', path)
  }
  if (method === 0 && size !== compressedSize) {
    throw new ArchiveRefusedError('size', `stored in ${compressedSize} bytes, but ${size} long`, path)
  }
  if (size > compressedSize * MAX_DEFLATE_RATIO) {
    throw new ArchiveRefusedError('limit', `${compressedSize} bytes cannot be ${size} when unpacked`, path)
  }
}
