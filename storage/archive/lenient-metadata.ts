import type { Filename, TreePath } from '../names.ts'
import { findMetadataPath } from '../wheel-metadata.ts'
import type { ArchiveFile } from './archive-file.ts'
import { isWhole, readMember } from './contents.ts'
import { isRenamed } from './extra-fields.ts'
import { DEFAULT_LIMITS } from './policy.ts'

const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const END_SIGNATURE = Buffer.from('PK\x05\x06', 'latin1')
const LOCATOR_SIGNATURE = 0x07064b50
const LOCATOR_BYTES = 20
const RECORD_SIGNATURE = 0x02014b50
const RECORD_BYTES = 46
const HEADER_SIGNATURE = 0x04034b50
const HEADER_BYTES = 30
/** What a local header may have beside the name, bytes, to be read in one go with the data. */
const USUAL_EXTRA_BYTES = 256
const UTF8_FLAG = 0x0800
const ENCRYPTED_FLAG = 0x0001
/** Stands where ZIP64 has the number: an archive of that size that is refused is not looked at further. */
const ELSEWHERE = 0xffffffff

interface LooseRecord {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly compressedSize: number
  readonly size: number
  readonly offset: number
}

/**
 * The METADATA of a wheel of which no tree is made, as installers find it, who go by the central directory as Python's zipfile does:
 * whatever precedes the archive, follows its members or is wrong with another member does not matter. Undefined where it has not exactly one that
 * all of them agree on. Throws {@link ArchiveRefusedError} where its bytes are not what the directory says.
 */
export function readLenientMetadata(wheel: Filename, file: ArchiveFile): Uint8Array | undefined {
  const found = findDirectory(file)
  const records = found && parseRecords(found.directory)
  if (found === undefined || records === undefined) return undefined
  const path = findMetadataPath(
    wheel,
    records.map(({ name }) => name),
  )
  const [record, ...others] = records.filter(({ name }) => name === path)
  if (record === undefined || others.length > 0) return undefined
  return readRecord(file, record, record.offset + found.shift)
}

interface FoundDirectory {
  readonly directory: Buffer
  /** What all offsets are short of: the bytes before the archive. */
  readonly shift: number
}

function findDirectory(file: ArchiveFile): FoundDirectory | undefined {
  const tail = Buffer.allocUnsafeSlow(Math.min(file.size, LOCATOR_BYTES + END_BYTES + MAX_COMMENT_BYTES))
  file.read(tail, file.size - tail.length)
  const at = tail.lastIndexOf(END_SIGNATURE)
  if (at < 0 || at + END_BYTES > tail.length) return undefined
  // Some go by the ZIP64 end record that it points to, which may be about another directory.
  if (at >= LOCATOR_BYTES && tail.readUInt32LE(at - LOCATOR_BYTES) === LOCATOR_SIGNATURE) return undefined
  const [size, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)]
  const start = file.size - tail.length + at - size
  if (size === ELSEWHERE || offset === ELSEWHERE || start < offset) return undefined
  if (size > DEFAULT_LIMITS.maxDirectoryBytes) return undefined
  const directory = Buffer.allocUnsafeSlow(size)
  file.read(directory, start)
  return { directory, shift: start - offset }
}

function parseRecords(directory: Buffer): LooseRecord[] | undefined {
  const records: LooseRecord[] = []
  for (let at = 0; at < directory.length;) {
    if (at + RECORD_BYTES > directory.length || directory.readUInt32LE(at) !== RECORD_SIGNATURE) return undefined
    const nameEnd = at + RECORD_BYTES + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const rawName = directory.subarray(at + RECORD_BYTES, nameEnd)
    // Some readers give it another name, which may be METADATA's.
    if (rawName.includes(0) || isRenamed(rawName, directory.subarray(nameEnd, extraEnd))) return undefined
    const flags = directory.readUInt16LE(at + 8)
    records.push({
      name: rawName.toString((flags & UTF8_FLAG) === 0 ? 'latin1' : 'utf8'),
      flags,
      method: directory.readUInt16LE(at + 10),
      crc32: directory.readUInt32LE(at + 16),
      compressedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    })
    at = extraEnd + directory.readUInt16LE(at + 32)
  }
  return records
}

function readRecord(file: ArchiveFile, record: LooseRecord, start: number): Uint8Array | undefined {
  const { name, flags, method, compressedSize } = record
  const rest = file.size - start
  if ((flags & ENCRYPTED_FLAG) !== 0 || (method !== 0 && method !== 8) || rest < HEADER_BYTES) return undefined
  // Only what `isWhole` lets through is allocated by what the directory says.
  const member = { ...record, path: name as TreePath, isDirectory: false, isExecutable: false, dataOffset: 0 }
  if (!isWhole(member)) return undefined
  const wanted = Math.min(rest, HEADER_BYTES + Buffer.byteLength(name) + USUAL_EXTRA_BYTES + compressedSize)
  const head = file.view(start, wanted, wanted)
  if (head.readUInt32LE(0) !== HEADER_SIGNATURE) return undefined
  const dataOffset = start + HEADER_BYTES + head.readUInt16LE(26) + head.readUInt16LE(28)
  if (dataOffset + compressedSize > file.size) return undefined
  return Uint8Array.from(readMember(file, { ...member, dataOffset }))
}
