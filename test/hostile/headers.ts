import { crc32 } from 'node:zlib'
import { extraField, unicodePathExtra, zip64Extra } from '../support/zip-extra.ts'
import { writeZip, type ZipMember } from '../support/zip-writer.ts'
import { type HostileCase, sound } from './cases.ts'

const member = (bent: Partial<ZipMember>): Buffer =>
  writeZip([
    { ...sound, ...bent },
    { name: 'next.txt', content: 'next' },
  ])
const both = (fields: NonNullable<ZipMember['central']>): Partial<ZipMember> => ({ central: fields, local: fields })
const packed = Buffer.from([0x2b, 0xce, 0x2f, 0xcd, 0x4b, 0x01, 0x00])
/** Of a directory's record: all that a ZIP64 field can hold is there. */
const wide = { offset: 0xffffffff, disk: 0xffff }
const real = { size: 5, compressedSize: packed.length }

/** Rows 11 to 14 and 22 to 28: what headers say. */
export const headerCases: readonly HostileCase[] = [
  {
    row: 11,
    what: 'another name',
    archive: member({ local: { name: Buffer.from('other.txt') } }),
    verdict: 'local-header',
  },
  {
    row: 11,
    what: 'a name in other case',
    archive: member({ local: { name: Buffer.from('Sound.txt') } }),
    verdict: 'local-header',
  },
  { row: 12, what: 'another checksum', archive: member({ local: { crc32: 1 } }), verdict: 'local-header' },
  { row: 12, what: 'another size', archive: member({ local: { size: 6 } }), verdict: 'local-header' },
  { row: 12, what: 'another packed size', archive: member({ local: { compressedSize: 6 } }), verdict: 'local-header' },
  { row: 12, what: 'another method', archive: member({ local: { method: 0 } }), verdict: 'local-header' },
  { row: 12, what: 'zeros without a descriptor', archive: member({ local: { crc32: 0 } }), verdict: 'local-header' },
  {
    row: 12,
    what: 'UTF-8 in one of the headers',
    archive: member({ name: 'ä.txt', local: { flags: 0 } }),
    verdict: 'local-header',
    path: 'ä.txt',
  },
  {
    row: 12,
    what: 'UTF-8 marked in one, though ASCII',
    archive: member({ local: { flags: 0x800 } }),
    verdict: 'accepted',
  },
  {
    row: 12,
    what: 'another time and maker',
    archive: member({ central: { versionMadeBy: 0x0a3f } }),
    verdict: 'accepted',
  },
  { row: 13, what: 'a descriptor', archive: member({ descriptor: {} }), verdict: 'accepted' },
  { row: 13, what: 'one without a signature', archive: member({ descriptor: { signed: false } }), verdict: 'accepted' },
  { row: 13, what: 'one of 64 bits', archive: member({ descriptor: { wide: true } }), verdict: 'accepted' },
  {
    row: 13,
    what: 'one of 64 bits, unsigned',
    archive: member({ descriptor: { wide: true, signed: false } }),
    verdict: 'accepted',
  },
  { row: 13, what: 'one behind stored bytes', archive: member({ descriptor: {}, method: 0 }), verdict: 'accepted' },
  {
    row: 13,
    what: 'one that only the local header announces',
    archive: member({ descriptor: {}, central: { flags: 0 } }),
    verdict: 'accepted',
  },
  { row: 14, what: 'its checksum is wrong', archive: member({ descriptor: { crc32: 1 } }), verdict: 'data-descriptor' },
  { row: 14, what: 'its size is wrong', archive: member({ descriptor: { size: 6 } }), verdict: 'data-descriptor' },
  {
    row: 14,
    what: 'its packed size is wrong',
    archive: member({ descriptor: { compressedSize: 6 } }),
    verdict: 'data-descriptor',
  },
  {
    row: 14,
    what: 'its wide size is wrong',
    archive: member({ descriptor: { wide: true, size: 2 ** 40 } }),
    verdict: 'data-descriptor',
  },
  { row: 14, what: 'it is missing', archive: member({ descriptor: { missing: true } }), verdict: 'data-descriptor' },
  {
    row: 14,
    what: 'it is not announced',
    archive: member({ descriptor: {}, local: { flags: 0, crc32: crc32('sound'), ...real } }),
    verdict: 'data-descriptor',
  },
  {
    row: 22,
    what: 'sizes in a ZIP64 field',
    archive: member({ zip64: true, central: { extra: zip64Extra([5, 7]) } }),
    verdict: 'accepted',
  },
  {
    row: 22,
    what: 'sizes and offset in a ZIP64 field',
    archive: member({ zip64: true, central: { extra: zip64Extra([5, 7, 0]), offset: 0xffffffff } }),
    verdict: 'accepted',
  },
  {
    row: 22,
    what: 'a volume number in a ZIP64 field',
    archive: member({ zip64: true, central: { extra: zip64Extra([5, 7, 0], Buffer.alloc(4)), offset: 0xffffffff } }),
    verdict: 'accepted',
  },
  {
    row: 22,
    what: 'a volume number in nothing but a ZIP64 field, as commons-compress may write it',
    archive: member({ zip64: true, central: { ...wide, extra: zip64Extra([5, 7, 0], Buffer.alloc(4)) } }),
    verdict: 'accepted',
  },
  {
    row: 23,
    what: 'a ZIP64 field that agrees',
    archive: member(both({ extra: zip64Extra([5, 7]) })),
    verdict: 'accepted',
  },
  {
    row: 23,
    what: 'a ZIP64 field that does not',
    archive: member(both({ extra: zip64Extra([5, 8]) })),
    verdict: 'zip64',
  },
  {
    row: 23,
    what: 'too short a ZIP64 field',
    archive: member({ zip64: true, central: { extra: zip64Extra([5]) } }),
    verdict: 'zip64',
  },
  {
    row: 23,
    what: 'no ZIP64 field',
    archive: member({ zip64: true, central: { extra: Buffer.alloc(0) } }),
    verdict: 'zip64',
  },
  {
    row: 23,
    what: 'too long a ZIP64 field',
    archive: member(both({ extra: zip64Extra([5, 7, 0, 0, 0]) })),
    verdict: 'zip64',
  },
  {
    row: 23,
    what: 'an odd ZIP64 field',
    archive: member(both({ extra: zip64Extra([5], Buffer.alloc(3)) })),
    verdict: 'zip64',
  },
  {
    row: 23,
    what: 'a ZIP64 size beyond reason',
    archive: member({ zip64: true, central: { extra: zip64Extra([2 ** 60, 7]) } }),
    verdict: 'zip64',
  },
  {
    row: 24,
    what: 'another name in Unicode',
    archive: member({ central: { extra: unicodePathExtra('other.txt', 'sound.txt') } }),
    verdict: 'extra-field',
  },
  {
    row: 24,
    what: 'another name in Unicode, in the local header',
    archive: member({ local: { extra: unicodePathExtra('other.txt', 'sound.txt') } }),
    verdict: 'extra-field',
  },
  {
    row: 24,
    what: 'the same name in Unicode',
    archive: member(both({ extra: unicodePathExtra('sound.txt', 'sound.txt') })),
    verdict: 'accepted',
  },
  {
    row: 24,
    what: 'a Unicode name for another header',
    archive: member(both({ extra: unicodePathExtra('other.txt', 'else.txt') })),
    verdict: 'accepted',
  },
  {
    row: 24,
    what: 'a Unicode name of another version',
    archive: member(both({ extra: unicodePathExtra('other.txt', 'sound.txt', { version: 2 }) })),
    verdict: 'accepted',
  },
  {
    row: 24,
    what: 'two Unicode names',
    archive: member(both({ extra: Buffer.concat([unicodePathExtra('a', 'b'), unicodePathExtra('a', 'b')]) })),
    verdict: 'extra-field',
  },
  {
    row: 24,
    what: 'two ZIP64 fields',
    archive: member(both({ extra: Buffer.concat([zip64Extra([]), zip64Extra([])]) })),
    verdict: 'extra-field',
  },
  {
    row: 25,
    what: 'a field longer than its room',
    archive: member(both({ extra: extraField(9, Buffer.alloc(2), { length: 3 }) })),
    verdict: 'extra-field',
  },
  { row: 25, what: 'stray bytes', archive: member(both({ extra: Buffer.alloc(3) })), verdict: 'extra-field' },
  { row: 26, what: 'encryption', archive: member(both({ flags: 1 })), verdict: 'encrypted' },
  { row: 26, what: 'encryption in the local header', archive: member({ local: { flags: 1 } }), verdict: 'encrypted' },
  { row: 26, what: 'strong encryption', archive: member(both({ flags: 0x40 })), verdict: 'encrypted' },
  { row: 26, what: 'hidden headers', archive: member(both({ flags: 0x2000 })), verdict: 'encrypted' },
  { row: 26, what: 'patched data', archive: member(both({ flags: 0x20 })), verdict: 'unsupported' },
  { row: 26, what: 'a later version', archive: member(both({ versionNeeded: 64 })), verdict: 'unsupported' },
  { row: 26, what: 'a version with a system', archive: member(both({ versionNeeded: 0x030a })), verdict: 'accepted' },
  { row: 26, what: 'a member on another volume', archive: member({ central: { disk: 1 } }), verdict: 'unsupported' },
  {
    row: 26,
    what: 'a member on another volume, by its ZIP64 field',
    archive: member({ zip64: true, central: { ...wide, extra: zip64Extra([5, 7, 0], Buffer.from([1, 0, 0, 0])) } }),
    verdict: 'unsupported',
  },
  {
    row: 26,
    what: 'a member on a volume that no ZIP64 field names',
    archive: member({ zip64: true, central: { ...wide, extra: zip64Extra([5, 7, 0]) } }),
    verdict: 'unsupported',
  },
  ...[1, 6, 9, 10, 12, 14, 20, 93, 95, 98, 99].map((method): HostileCase => {
    const row = method === 93 ? 28 : 27
    return { row, what: `method ${method}`, archive: member({ method }), verdict: 'unsupported', path: 'sound.txt' }
  }),
  {
    row: 6,
    what: 'a comment on a member',
    archive: member({ central: { comment: Buffer.from('fine') } }),
    verdict: 'accepted',
  },
  {
    row: 5,
    what: 'a zip in a comment on a member',
    archive: member({ central: { comment: writeZip([]) } }),
    verdict: 'comment',
  },
]
