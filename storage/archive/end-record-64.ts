import { ArchiveRefusedError } from '../errors.ts'
import type { ArchiveFile } from './archive-file.ts'

const LOCATOR_SIGNATURE = 0x07064b50
const LOCATOR_BYTES = 20
const RECORD_SIGNATURE = 0x06064b50
const RECORD_BYTES = 56
/** The highest version of the format that is defined, 6.3. */
const MAX_VERSION = 63

/** The fields of an end record that both formats have. */
export interface EndFields {
  readonly entries: number
  readonly directoryOffset: number
  readonly directorySize: number
  readonly entriesOnDisk: number
  readonly disk: number
  readonly directoryDisk: number
}

/**
 * The ZIP64 end record before an end record at `endPosition`; undefined where no locator stands there. The two records must agree, and lie back
 * to back (test/hostile, row 23). Throws {@link ArchiveRefusedError}.
 */
export function readEnd64(
  file: ArchiveFile,
  endPosition: number,
  narrow: EndFields,
): { readonly fields: EndFields; readonly position: number } | undefined {
  const locatorPosition = endPosition - LOCATOR_BYTES
  if (locatorPosition < 0) return undefined
  const locator = Buffer.from(file.view(locatorPosition, LOCATOR_BYTES))
  if (locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) return undefined
  const position = locatorPosition - RECORD_BYTES
  if (readSafe(locator, 8) !== position) throw refusal('the locator does not point to the record before it')
  if (locator.readUInt32LE(4) !== 0 || locator.readUInt32LE(16) > 1)
    throw refusal('the archive is one of several volumes')
  const record = file.view(position, RECORD_BYTES)
  if (record.readUInt32LE(0) !== RECORD_SIGNATURE) throw refusal('no ZIP64 end record stands before its locator')
  if (readSafe(record, 4) !== RECORD_BYTES - 12) throw refusal('the ZIP64 end record has an extension')
  if ((record.readUInt16LE(14) & 0xff) > MAX_VERSION) {
    throw new ArchiveRefusedError('unsupported', `the archive needs version ${record.readUInt16LE(14)} of the format`)
  }
  const fields = {
    disk: record.readUInt32LE(16),
    directoryDisk: record.readUInt32LE(20),
    entriesOnDisk: readSafe(record, 24),
    entries: readSafe(record, 32),
    directorySize: readSafe(record, 40),
    directoryOffset: readSafe(record, 48),
  }
  assertAgree(narrow, fields)
  return { fields, position }
}

const SENTINELS: EndFields = {
  disk: 0xffff,
  directoryDisk: 0xffff,
  entriesOnDisk: 0xffff,
  entries: 0xffff,
  directorySize: 0xffffffff,
  directoryOffset: 0xffffffff,
}

function assertAgree(narrow: EndFields, wide: EndFields): void {
  for (const field of Object.keys(SENTINELS) as (keyof EndFields)[]) {
    if (narrow[field] !== wide[field] && narrow[field] !== SENTINELS[field]) {
      throw refusal(`the two end records disagree: ${field} is ${narrow[field]} and ${wide[field]}`)
    }
  }
}

/** 64 bits that must be a safe integer. */
function readSafe(buffer: Buffer, offset: number): number {
  const value = buffer.readBigUInt64LE(offset)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refusal(`a length of ${value} bytes`)
  return Number(value)
}

function refusal(detail: string): ArchiveRefusedError {
  return new ArchiveRefusedError('zip64', detail)
}
