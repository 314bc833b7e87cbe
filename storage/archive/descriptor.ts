import { ArchiveRefusedError } from '../errors.ts'
import type { ArchiveFile } from './archive-file.ts'
import type { DirectoryRecord } from './directory.ts'

const SIGNATURE = 0x08074b50
/** With and without a signature, with 32-bit and with 64-bit sizes (APPNOTE.TXT 4.3.9). */
const LENGTHS = new Set([12, 16, 20, 24])

/** What lies behind a member's data. */
interface Tail {
  /** End of the compressed bytes. */
  readonly dataEnd: number
  /** Where the next member, or the directory, begins. */
  readonly boundary: number
  /** The local header says that a descriptor follows. */
  readonly announced: boolean
}

/**
 * Checks the data descriptor, there where one is announced, and only there (test/hostile, rows 13 and 14). Returns where the member
 * ends. Throws {@link ArchiveRefusedError}.
 */
export function assertDescriptor(file: ArchiveFile, record: DirectoryRecord, tail: Tail): number {
  const { dataEnd, boundary, announced } = tail
  const length = boundary - dataEnd
  if (!announced) {
    if (length >= 4 && file.view(dataEnd, 4).readUInt32LE(0) === SIGNATURE) {
      throw refusal('a data descriptor that its local header does not announce', record)
    }
    return dataEnd
  }
  if (!LENGTHS.has(length)) throw refusal(`${length} bytes where its data descriptor should be`, record)
  if (!isOf(record, file.view(dataEnd, length))) throw refusal('its data descriptor says otherwise', record)
  return boundary
}

/** The length tells the form. */
function isOf(record: DirectoryRecord, bytes: Buffer): boolean {
  const isSigned = bytes.length % 8 === 0
  if (isSigned && bytes.readUInt32LE(0) !== SIGNATURE) return false
  const values = isSigned ? bytes.subarray(4) : bytes
  if (values.readUInt32LE(0) !== record.crc32) return false
  if (values.length === 12) {
    return values.readUInt32LE(4) === record.compressedSize && values.readUInt32LE(8) === record.size
  }
  return (
    values.readBigUInt64LE(4) === BigInt(record.compressedSize) && values.readBigUInt64LE(12) === BigInt(record.size)
  )
}

function refusal(detail: string, { path }: DirectoryRecord): ArchiveRefusedError {
  return new ArchiveRefusedError('data-descriptor', detail, path)
}
