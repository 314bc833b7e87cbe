/** Fields of the end record that a test bends (APPNOTE.TXT 4.3.16). */
export interface EndFields {
  disk: number
  directoryDisk: number
  entriesOnDisk: number
  entries: number
  directorySize: number
  directoryOffset: number
  commentLength: number
}

/** Fields of the ZIP64 end record and of its locator (APPNOTE.TXT 4.3.14, 4.3.15). */
export interface End64Fields {
  recordSize: number
  versionNeeded: number
  disk: number
  entriesOnDisk: number
  entries: number
  directorySize: number
  directoryOffset: number
  extensible: Buffer
  locatorOffset: number
  locatorDisks: number
}

export interface EndOptions {
  readonly comment?: Buffer
  readonly end?: Partial<EndFields>
  /** Write a ZIP64 end record too, with these fields bent; the 32-bit fields are then the sentinels, unless `end` says otherwise. */
  readonly end64?: Partial<End64Fields>
  /** Bytes between the directory and the end record(s), and after the end. */
  readonly beforeEnd?: Buffer
  readonly suffix?: Buffer
}

/** What comes after the central directory. */
export function endOfArchive(
  entries: number,
  directorySize: number,
  directoryOffset: number,
  options: EndOptions,
): Buffer {
  const { end64, comment = Buffer.alloc(0), beforeEnd = Buffer.alloc(0), suffix = Buffer.alloc(0) } = options
  const real = { entries, entriesOnDisk: entries, directorySize, directoryOffset }
  const sentinels = { entries: 0xffff, entriesOnDisk: 0xffff, directorySize: 0xffffffff, directoryOffset: 0xffffffff }
  const fields: EndFields = {
    disk: 0,
    directoryDisk: 0,
    commentLength: comment.length,
    ...(end64 === undefined ? real : sentinels),
    ...options.end,
  }
  const position = directoryOffset + directorySize + beforeEnd.length
  const wide = end64 === undefined ? Buffer.alloc(0) : end64Bytes(real, end64, position)
  return Buffer.concat([beforeEnd, wide, endBytes(fields), comment, suffix])
}

function endBytes(fields: EndFields): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  record.writeUInt16LE(fields.disk, 4)
  record.writeUInt16LE(fields.directoryDisk, 6)
  record.writeUInt16LE(fields.entriesOnDisk, 8)
  record.writeUInt16LE(fields.entries, 10)
  record.writeUInt32LE(fields.directorySize, 12)
  record.writeUInt32LE(fields.directoryOffset, 16)
  record.writeUInt16LE(fields.commentLength, 20)
  return record
}

type RealEnd = Pick<End64Fields, 'entries' | 'entriesOnDisk' | 'directorySize' | 'directoryOffset'>

function end64Bytes(real: RealEnd, bent: Partial<End64Fields>, position: number): Buffer {
  const extensible = bent.extensible ?? Buffer.alloc(0)
  const fields = {
    recordSize: 44 + extensible.length,
    versionNeeded: 45,
    disk: 0,
    locatorOffset: position,
    locatorDisks: 1,
    ...real,
    ...bent,
  }
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(BigInt(fields.recordSize), 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(fields.versionNeeded, 14)
  record.writeUInt32LE(fields.disk, 16)
  record.writeBigUInt64LE(BigInt(fields.entriesOnDisk), 24)
  record.writeBigUInt64LE(BigInt(fields.entries), 32)
  record.writeBigUInt64LE(BigInt(fields.directorySize), 40)
  record.writeBigUInt64LE(BigInt(fields.directoryOffset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(fields.locatorOffset), 8)
  locator.writeUInt32LE(fields.locatorDisks, 16)
  return Buffer.concat([record, extensible, locator])
}
