import { crc32 } from 'node:zlib'
import { ArchiveRefusedError } from '../errors.ts'

const ZIP64_ID = 0x0001
const UNICODE_PATH_ID = 0x7075
/** What a 32-bit field holds whose value is in the ZIP64 extra field. */
const SENTINEL = 0xffffffff
/** The same of a volume's number, which has 16 bits. */
const VOLUME_SENTINEL = 0xffff

/** A header's name and extra fields, which can rename and resize a member. */
interface HeaderText {
  readonly name: Buffer
  readonly extra: Buffer
  /** Of the member, to be named in a refusal. */
  readonly path: string
}

/**
 * The body of the ZIP64 extra field; undefined where there is none. Every other field must be well-formed and may not give the member
 * another name than the header does (test/hostile, rows 24 and 25). Throws {@link ArchiveRefusedError}.
 */
export function findZip64Body({ name, extra, path }: HeaderText): Buffer | undefined {
  let zip64: Buffer | undefined
  let unicodePath: Buffer | undefined
  for (let at = 0; at < extra.length;) {
    const body = at + 4
    const end = body > extra.length ? Infinity : body + extra.readUInt16LE(at + 2)
    if (end > extra.length) throw new ArchiveRefusedError('extra-field', 'an extra field is longer than its room', path)
    const id = extra.readUInt16LE(at)
    if (id === ZIP64_ID) {
      if (zip64 !== undefined) throw new ArchiveRefusedError('extra-field', 'two ZIP64 extra fields', path)
      zip64 = extra.subarray(body, end)
    } else if (id === UNICODE_PATH_ID) {
      if (unicodePath !== undefined) throw new ArchiveRefusedError('extra-field', 'two Unicode path extra fields', path)
      unicodePath = extra.subarray(body, end)
    }
    at = end
  }
  if (unicodePath !== undefined && renames(unicodePath, name)) {
    throw new ArchiveRefusedError('extra-field', 'the Unicode path extra field has another name', path)
  }
  return zip64
}

/**
 * Does a Unicode path extra field give a member of this name another one? For archives that are refused anyway: reads as far as the fields are
 * well-formed.
 */
export function isRenamed(name: Buffer, extra: Buffer): boolean {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === UNICODE_PATH_ID && renames(extra.subarray(at + 4, end), name)) return true
    at = end
  }
  return false
}

/** APPNOTE.TXT 4.6.9: a field of another version, or whose checksum is not the header name's, is to be ignored. */
function renames(body: Buffer, name: Buffer): boolean {
  if (body.length < 5 || body.readUInt8(0) !== 1 || body.readUInt32LE(1) !== crc32(name)) return false
  return !body.subarray(5).equals(name)
}

/**
 * The values of a header's 32-bit fields, given in the order of APPNOTE.TXT 4.5.3 (size, compressed size, then the offset in the
 * directory), with those taken from the ZIP64 extra field that say so. What that field holds beyond must agree with the header (test/hostile,
 * row 23). Throws {@link ArchiveRefusedError}.
 */
export function resolveZip64(body: Buffer | undefined, fields: readonly number[], path: string): readonly number[] {
  const sentinels = fields.filter((value) => value === SENTINEL).length
  if (sentinels === 0 && (body === undefined || body.length === 0)) return fields
  if (body === undefined) throw refusal('it is missing', path)
  const values = fields.length === 3 && endsWithFirstVolume(body) ? body.subarray(0, 24) : body
  if (values.length % 8 !== 0 || values.length > fields.length * 8) throw refusal(`of ${body.length} bytes`, path)
  if (values.length < sentinels * 8) throw refusal('too short', path)
  let at = -8
  const resolved = fields.map((value) => (value === SENTINEL ? readSafe(values, (at += 8), path) : value))
  if (values.length > sentinels * 8) {
    const beside = resolved.slice(0, values.length / 8)
    if (beside.some((value, index) => value !== readSafe(values, index * 8, path))) {
      throw refusal("with values that are not the header's", path)
    }
  }
  return resolved
}

/** Is a member on the volume that there is, by its record and the ZIP64 extra field? */
export function isOnFirstVolume(volume: number, body: Buffer | undefined): boolean {
  return volume === 0 || (volume === VOLUME_SENTINEL && body !== undefined && endsWithFirstVolume(body))
}

/** In the directory the number of a volume may follow; there is but one, which is number 0. */
function endsWithFirstVolume(body: Buffer): boolean {
  return body.length === 28 && body.readUInt32LE(24) === 0
}

function readSafe(body: Buffer, offset: number, path: string): number {
  const value = body.readBigUInt64LE(offset)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refusal(`with a length of ${value} bytes`, path)
  return Number(value)
}

function refusal(detail: string, path: string): ArchiveRefusedError {
  return new ArchiveRefusedError('zip64', `ZIP64 extra field: ${detail}`, path)
}
