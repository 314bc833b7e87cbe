import { crc32, deflateRawSync } from 'node:zlib'
import { MAX_WHOLE_BYTES } from '../../storage/archive/contents.ts'
import { writeZip, type ZipMember } from '../support/zip-writer.ts'
import { type HostileCase, sound } from './cases.ts'

const member = (bent: Partial<ZipMember>): Buffer =>
  writeZip([
    { ...sound, ...bent },
    { name: 'next.txt', content: 'next' },
  ])
const both = (fields: NonNullable<ZipMember['central']>): Partial<ZipMember> => ({ central: fields, local: fields })
const stream = deflateRawSync('sound')
const EMPTY = deflateRawSync('')
const MIB = 1024 * 1024

/** The same, of members that are too large to be read whole. */
const large = Buffer.alloc(MAX_WHOLE_BYTES + MIB, 'large')
const largeStream = deflateRawSync(large, { level: 1 })
const largeMember = (bent: Partial<ZipMember>): (() => Buffer) => {
  return () => writeZip([{ name: 'large', content: large, compressed: largeStream, ...bent }])
}
const free = { maxRatio: Infinity }

/**
 * A stream that ends early, then what the trailer and the header of gzip would be, and a second stream: one that unpacks several members as one
 * gzip file must not take it for two of them.
 */
function gzipInside(first: string, second: string): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  return Buffer.concat([endedAsGzip(first), header, deflateRawSync(second)])
}

/** A stream with gzip's trailer. */
function endedAsGzip(content: string): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content), 0)
  trailer.writeUInt32LE(content.length, 4)
  return Buffer.concat([deflateRawSync(content), trailer])
}

/** Rows 15 to 21: what is in the members. */
export const contentCases: readonly HostileCase[] = [
  { row: 15, what: 'a wrong checksum', archive: member(both({ crc32: 1 })), verdict: 'checksum', path: 'sound.txt' },
  {
    row: 15,
    what: 'a wrong checksum, stored',
    archive: member({ method: 0, ...both({ crc32: 1 }) }),
    verdict: 'checksum',
  },
  {
    row: 15,
    what: 'a wrong checksum, large',
    archive: largeMember(both({ crc32: 1 })),
    verdict: 'checksum',
    limits: free,
  },
  {
    row: 15,
    what: 'a wrong checksum, large and stored',
    archive: largeMember({ compressed: large, method: 0, ...both({ crc32: 1 }) }),
    verdict: 'checksum',
  },
  {
    row: 15,
    what: 'an empty file with a checksum',
    archive: writeZip([{ name: 'e', method: 0, ...both({ crc32: 1 }) }]),
    verdict: 'checksum',
  },
  { row: 16, what: 'more than it says', archive: member(both({ size: 4 })), verdict: 'size' },
  { row: 16, what: 'less than it says', archive: member(both({ size: 6 })), verdict: 'size' },
  { row: 16, what: 'something where it says nothing', archive: member(both({ size: 0 })), verdict: 'size' },
  {
    row: 16,
    what: 'one byte where it says nothing',
    archive: member({ content: 'x', ...both({ size: 0 }) }),
    verdict: 'size',
  },
  {
    row: 16,
    what: 'a large one, more',
    archive: largeMember(both({ size: large.length - 1 })),
    verdict: 'size',
    limits: free,
  },
  {
    row: 16,
    what: 'a large one, less',
    archive: largeMember(both({ size: large.length + 1 })),
    verdict: 'size',
    limits: free,
  },
  { row: 17, what: 'stored, with two sizes', archive: member({ method: 0, ...both({ size: 4 }) }), verdict: 'size' },
  {
    row: 18,
    what: 'a byte behind the stream',
    archive: member({ compressed: Buffer.concat([stream, Buffer.alloc(1)]) }),
    verdict: 'deflate',
  },
  {
    row: 18,
    what: 'a second stream',
    archive: member({ compressed: Buffer.concat([stream, stream]) }),
    verdict: 'deflate',
  },
  {
    row: 18,
    what: 'a stream behind one of nothing',
    archive: member({ compressed: Buffer.concat([EMPTY, stream]) }),
    verdict: 'deflate',
  },
  {
    row: 18,
    what: 'a gzip member inside',
    archive: member({ compressed: gzipInside('', 'sound') }),
    verdict: 'deflate',
  },
  {
    row: 18,
    what: 'a gzip member with contents inside',
    archive: member({ compressed: gzipInside('so', 'sound') }),
    verdict: 'deflate',
  },
  {
    row: 18,
    what: 'the end of all that is gzip, with other contents for the next',
    archive: member({ compressed: Buffer.concat([endedAsGzip('soundevil'), Buffer.alloc(1)]) }),
    verdict: 'size',
    path: 'sound.txt',
  },
  {
    row: 18,
    what: "gzip's magic number in the contents",
    archive: member({ content: gzipInside('', ''), compressed: deflateRawSync(gzipInside('', ''), { level: 0 }) }),
    verdict: 'accepted',
  },
  {
    row: 18,
    what: 'a byte behind a large stream',
    archive: largeMember({ compressed: Buffer.concat([largeStream, Buffer.alloc(1)]) }),
    verdict: 'deflate',
    limits: free,
  },
  {
    row: 18,
    what: 'a megabyte behind a large stream',
    archive: largeMember({ compressed: Buffer.concat([largeStream, Buffer.alloc(MIB, 3)]) }),
    verdict: 'deflate',
    limits: free,
  },
  { row: 19, what: 'no deflate', archive: member({ compressed: Buffer.from([7, 7, 7]) }), verdict: 'deflate' },
  { row: 19, what: 'half a stream', archive: member({ compressed: stream.subarray(0, 3) }), verdict: 'deflate' },
  {
    row: 19,
    what: 'no bytes at all',
    archive: writeZip([{ name: 'e', compressed: Buffer.alloc(0) }]),
    verdict: 'deflate',
  },
  {
    row: 19,
    what: 'half a large stream',
    archive: largeMember({ compressed: largeStream.subarray(0, -5) }),
    verdict: 'deflate',
    limits: free,
  },
  {
    row: 20,
    what: 'a bomb',
    archive: () => writeZip([{ name: 'bomb', content: Buffer.alloc(65 * MIB) }]),
    verdict: 'limit',
  },
  {
    row: 20,
    what: 'a ratio of hundreds in a small file',
    archive: writeZip([{ name: 'zeros', content: Buffer.alloc(MIB) }]),
    verdict: 'accepted',
  },
  { row: 20, what: 'too many members', archive: member({}), verdict: 'limit', limits: { maxEntries: 1 } },
  {
    row: 20,
    what: 'too many folders',
    archive: writeZip([{ name: 'a/b/c/d' }]),
    verdict: 'limit',
    limits: { maxEntries: 2 },
  },
  { row: 20, what: 'too many bytes', archive: member({}), verdict: 'limit', limits: { maxBytes: 8 } },
  { row: 20, what: 'too large a directory', archive: member({}), verdict: 'limit', limits: { maxDirectoryBytes: 100 } },
  {
    row: 21,
    what: 'a size that no stream of this length has',
    archive: member(both({ size: 0xfffffffe })),
    verdict: 'limit',
  },
  {
    row: 21,
    what: 'a packed size beyond the file',
    archive: member(both({ compressedSize: 0xfffffffe })),
    verdict: 'overlap',
  },
  { row: 0, what: 'an empty file, stored', archive: writeZip([{ name: 'e', method: 0 }]), verdict: 'accepted' },
  { row: 0, what: 'an empty file, deflated', archive: writeZip([{ name: 'e' }]), verdict: 'accepted' },
]
