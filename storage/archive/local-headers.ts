import { ArchiveRefusedError } from '../errors.ts'
import type { Member } from './member.ts'
import type { ArchiveFile } from './archive-file.ts'
import { assertDescriptor } from './descriptor.ts'
import type { DirectoryRecord } from './directory.ts'
import { findZip64Body, resolveZip64 } from './extra-fields.ts'
import { assertSupported } from './features.ts'
import { isAscii } from './member-name.ts'

const HEADER_SIGNATURE = 0x04034b50
const HEADER_BYTES = 30
const DESCRIPTOR_FLAG = 0x0008
const UTF8_FLAG = 0x0800
/** How much is read at once, bytes: local headers are small and may be far apart. */
const READ_AHEAD = 64 * 1024

/**
 * Reads every local header and holds it against the directory: the members must follow each other without a gap or an overlap from the
 * first byte to the directory, and say the same (test/hostile, rows 4 and 8 to 14). In the order of the file. Throws
 * {@link ArchiveRefusedError}.
 */
export function locateMembers(file: ArchiveFile, records: readonly DirectoryRecord[], end: number): Member[] {
  const sorted = records.toSorted((a, b) => a.offset - b.offset)
  let position = 0
  const located = sorted.map((record, index) => {
    const { offset, path } = record
    if (offset < position) throw new ArchiveRefusedError('overlap', 'it shares bytes with another member', path)
    if (offset > position) throw gap(index, offset - position, path)
    const boundary = sorted[index + 1]?.offset ?? end
    const dataOffset = readHeader(file, record, boundary)
    const dataEnd = dataOffset + record.compressedSize
    position = assertDescriptor(file, record, { dataEnd, boundary, announced: hasDescriptor(file, offset) })
    return locate(record, dataOffset)
  })
  if (position !== end) throw gap(sorted.length, end - position)
  return located
}

/** Without the raw name: a member that is sent to another thread would take the whole directory along. */
function locate(record: DirectoryRecord, dataOffset: number): Member {
  const { path, isDirectory, isExecutable, method, crc32, size, compressedSize } = record
  return { path, isDirectory, isExecutable, method, crc32, size, dataOffset, compressedSize }
}

function gap(index: number, bytes: number, path?: string): ArchiveRefusedError {
  if (index === 0) return new ArchiveRefusedError('prefix', `${bytes} bytes precede the first member`, path)
  const place = path === undefined ? 'the directory' : 'it'
  return new ArchiveRefusedError('gap', `${bytes} bytes that belong to no member precede ${place}`, path)
}

/** The *local* header's flag says whether a descriptor follows; the directory's may differ. */
function hasDescriptor(file: ArchiveFile, offset: number): boolean {
  return (file.view(offset, HEADER_BYTES, READ_AHEAD).readUInt16LE(6) & DESCRIPTOR_FLAG) !== 0
}

/** Holds one local header against the directory; nothing of the member may lie at or behind `boundary`. Returns where the data begins. */
export function readHeader(file: ArchiveFile, record: DirectoryRecord, boundary: number): number {
  const { offset, path } = record
  if (offset + HEADER_BYTES > boundary) throw overlap(path)
  const head = file.view(offset, HEADER_BYTES, READ_AHEAD)
  if (head.readUInt32LE(0) !== HEADER_SIGNATURE) throw mismatch('there is no local header', path)
  const nameEnd = HEADER_BYTES + head.readUInt16LE(26)
  const length = nameEnd + head.readUInt16LE(28)
  if (offset + length + record.compressedSize > boundary) throw overlap(path)
  const header = file.view(offset, length, READ_AHEAD)
  const name = header.subarray(HEADER_BYTES, nameEnd)
  if (!name.equals(record.rawName)) throw mismatch('its local header has another name', path)
  const flags = header.readUInt16LE(6)
  const method = header.readUInt16LE(8)
  assertSupported({ version: header.readUInt16LE(4), flags, method }, path)
  if (method !== record.method) throw mismatch('its local header has another method', path)
  if (((flags ^ record.flags) & UTF8_FLAG) !== 0 && !isAscii(name)) {
    throw mismatch('its local header has its name in another encoding', path)
  }
  const body = findZip64Body({ name, extra: header.subarray(nameEnd), path })
  assertSameSizes(header, body, record)
  return offset + length
}

/** Where a descriptor follows, the header may say 0 instead. */
function assertSameSizes(header: Buffer, zip64: Buffer | undefined, record: DirectoryRecord): void {
  const { path } = record
  const fields = [header.readUInt32LE(22), header.readUInt32LE(18)]
  const [size, compressedSize] = resolveZip64(zip64, fields, path)
  const crc32 = header.readUInt32LE(14)
  const isZeroFine = (header.readUInt16LE(6) & DESCRIPTOR_FLAG) !== 0
  const agrees = (local: number | undefined, central: number): boolean =>
    local === central || (isZeroFine && local === 0)
  if (!agrees(crc32, record.crc32)) throw mismatch('its local header has another checksum', path)
  if (!agrees(size, record.size)) throw mismatch('its local header has another size', path)
  if (!agrees(compressedSize, record.compressedSize)) throw mismatch('its local header has another packed size', path)
}

function mismatch(detail: string, path: string): ArchiveRefusedError {
  return new ArchiveRefusedError('local-header', detail, path)
}

function overlap(path: string): ArchiveRefusedError {
  return new ArchiveRefusedError('overlap', 'it reaches into what follows it', path)
}
