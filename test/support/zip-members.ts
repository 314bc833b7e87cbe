import { crc32, deflateRawSync } from 'node:zlib'
import { endOfArchive, type EndOptions } from './zip-end.ts'
import { zip64Extra } from './zip-extra.ts'

/** Fields of a local header or a directory record, before they are written; see APPNOTE.TXT 4.3.7 and 4.3.12. */
export interface HeaderFields {
  signature: number
  versionMadeBy: number
  versionNeeded: number
  flags: number
  method: number
  crc32: number
  compressedSize: number
  size: number
  name: Buffer
  extra: Buffer
  comment: Buffer
  disk: number
  externalAttributes: number
  offset: number
}

/** What follows a member's data: nothing, or its sizes again (APPNOTE.TXT 4.3.9). */
export interface DescriptorOptions {
  readonly signed?: boolean
  readonly wide?: boolean
  readonly crc32?: number
  readonly compressedSize?: number
  readonly size?: number
  /** Set the flag, but write no descriptor. */
  readonly missing?: boolean
}

/** One member. Everything but the name has a well-formed default; `local` and `central` then bend single fields. */
export interface ZipMember {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  /** 0 stored, 8 deflated (the default); anything else is written as it is, with the content stored. */
  readonly method?: number
  /** Unix mode with its type bits; 0o100644 by default, 0o40755 for a name that ends in "/". */
  readonly mode?: number
  /** What stands in the archive instead of the content's compressed form. */
  readonly compressed?: Buffer
  readonly descriptor?: DescriptorOptions
  readonly zip64?: boolean
  readonly local?: Partial<HeaderFields>
  readonly central?: Partial<HeaderFields>
  /** Bytes between the member before and this one's local header, and after this one's data. */
  readonly before?: Buffer
  readonly after?: Buffer
  readonly omitLocal?: boolean
  readonly omitCentral?: boolean
}

/** The archive around the members. */
export interface ZipOptions extends EndOptions {
  /** Bytes before the first member; the offsets count them, unless `rebase` is false. */
  readonly prefix?: Buffer
  readonly rebase?: boolean
  /** Bytes after the last member, before the directory. */
  readonly beforeDirectory?: Buffer
}

/** Writes a zip byte by byte: well-formed unless told otherwise, so that a test bends exactly one thing. */
export function writeZip(members: readonly ZipMember[], options: ZipOptions = {}): Buffer {
  const prefix = options.prefix ?? Buffer.alloc(0)
  const pieces = [prefix]
  const records: Buffer[] = []
  let offset = options.rebase === false ? 0 : prefix.length
  for (const member of members) {
    const { local, central } = memberBytes(member, offset)
    pieces.push(local)
    offset += local.length
    if (member.omitCentral !== true) records.push(central)
  }
  if (options.beforeDirectory !== undefined) pieces.push(options.beforeDirectory)
  const directory = Buffer.concat(records)
  const directoryOffset = offset + (options.beforeDirectory?.length ?? 0)
  return Buffer.concat([...pieces, directory, endOfArchive(records.length, directory.length, directoryOffset, options)])
}

function memberBytes(member: ZipMember, start: number): { local: Buffer; central: Buffer } {
  const fields = defaultFields(member)
  const before = member.before ?? Buffer.alloc(0)
  const offset = start + before.length
  const data = member.compressed ?? compress(member)
  const descriptor = member.descriptor
  const hidden = descriptor === undefined ? {} : { crc32: 0, compressedSize: 0, size: 0 }
  const wide = member.zip64 === true ? { compressedSize: 0xffffffff, size: 0xffffffff } : {}
  const extra = member.zip64 === true ? zip64Extra([fields.size, data.length]) : Buffer.alloc(0)
  const sizes = { ...fields, compressedSize: data.length }
  const local = localHeader({ ...sizes, extra, ...hidden, ...wide, ...member.local })
  const central = directoryRecord({ ...sizes, extra, offset, ...wide, ...member.central })
  const pieces = member.omitLocal === true ? [before] : [before, local, data]
  if (descriptor !== undefined && descriptor.missing !== true) pieces.push(dataDescriptor(sizes, descriptor))
  if (member.after !== undefined) pieces.push(member.after)
  return { local: Buffer.concat(pieces), central }
}

function contentOf(member: ZipMember): Buffer {
  return Buffer.from(member.content ?? '')
}

function compress(member: ZipMember): Buffer {
  return methodOf(member) === 8 ? deflateRawSync(contentOf(member)) : contentOf(member)
}

function isDirectory(member: ZipMember): boolean {
  return Buffer.from(member.name).at(-1) === 0x2f
}

function methodOf(member: ZipMember): number {
  return member.method ?? (isDirectory(member) ? 0 : 8)
}

function defaultFields(member: ZipMember): HeaderFields {
  const name = Buffer.from(member.name)
  const mode = member.mode ?? (isDirectory(member) ? 0o40755 : 0o100644)
  const content = contentOf(member)
  const ascii = name.every((byte) => byte < 0x80)
  return {
    signature: 0,
    versionMadeBy: 0x0314,
    versionNeeded: member.zip64 === true ? 45 : 20,
    flags: (ascii ? 0 : 0x800) | (member.descriptor === undefined ? 0 : 8),
    method: methodOf(member),
    crc32: crc32(content),
    compressedSize: content.length,
    size: content.length,
    name,
    extra: Buffer.alloc(0),
    comment: Buffer.alloc(0),
    disk: 0,
    externalAttributes: ((mode << 16) | (isDirectory(member) ? 0x10 : 0)) >>> 0,
    offset: 0,
  }
}

/** 1980-01-01, so that the same call gives the same bytes. */
const DOS_DATE = 0x21

function localHeader(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(fields.signature || 0x04034b50, 0)
  header.writeUInt16LE(fields.versionNeeded, 4)
  header.writeUInt16LE(fields.flags, 6)
  header.writeUInt16LE(fields.method, 8)
  header.writeUInt16LE(DOS_DATE, 12)
  header.writeUInt32LE(fields.crc32, 14)
  header.writeUInt32LE(fields.compressedSize, 18)
  header.writeUInt32LE(fields.size, 22)
  header.writeUInt16LE(fields.name.length, 26)
  header.writeUInt16LE(fields.extra.length, 28)
  return Buffer.concat([header, fields.name, fields.extra])
}

function directoryRecord(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(fields.signature || 0x02014b50, 0)
  header.writeUInt16LE(fields.versionMadeBy, 4)
  header.writeUInt16LE(fields.versionNeeded, 6)
  header.writeUInt16LE(fields.flags, 8)
  header.writeUInt16LE(fields.method, 10)
  header.writeUInt16LE(DOS_DATE, 14)
  header.writeUInt32LE(fields.crc32, 16)
  header.writeUInt32LE(fields.compressedSize, 20)
  header.writeUInt32LE(fields.size, 24)
  header.writeUInt16LE(fields.name.length, 28)
  header.writeUInt16LE(fields.extra.length, 30)
  header.writeUInt16LE(fields.comment.length, 32)
  header.writeUInt16LE(fields.disk, 34)
  header.writeUInt32LE(fields.externalAttributes, 38)
  header.writeUInt32LE(fields.offset, 42)
  return Buffer.concat([header, fields.name, fields.extra, fields.comment])
}

function dataDescriptor(fields: HeaderFields, options: DescriptorOptions): Buffer {
  const sizes = Buffer.alloc(options.wide === true ? 16 : 8)
  const compressedSize = options.compressedSize ?? fields.compressedSize
  const size = options.size ?? fields.size
  if (options.wide === true) {
    sizes.writeBigUInt64LE(BigInt(compressedSize), 0)
    sizes.writeBigUInt64LE(BigInt(size), 8)
  } else {
    sizes.writeUInt32LE(compressedSize, 0)
    sizes.writeUInt32LE(size, 4)
  }
  const head = Buffer.alloc(8)
  head.writeUInt32LE(0x08074b50, 0)
  head.writeUInt32LE(options.crc32 ?? fields.crc32, 4)
  return Buffer.concat([options.signed === false ? head.subarray(4) : head, sizes])
}
