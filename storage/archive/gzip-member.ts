import { promisify } from 'node:util'
import { crc32, gunzip } from 'node:zlib'
import { deflateRuns } from './deflate-runs.ts'

/** RFC 1952 §2.3: deflate, no flags, no time, no extra flags, operating system unknown. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

/** What a deflate block without compression holds at most (RFC 1951 §3.2.4). */
export const STORED_BLOCK_BYTES = 65_535

/** The eight bytes after a member's deflate stream: CRC-32 and length of what it unpacks to, modulo 2^32. */
export function gzipTrailer(checksum: number, size: number): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(checksum, 0)
  trailer.writeUInt32LE(size % 2 ** 32, 4)
  return trailer
}

/** The five bytes before a block that is stored uncompressed. `length` is at most {@link STORED_BLOCK_BYTES}. */
export function storedBlockHeader(length: number, { isLast }: { readonly isLast: boolean }): Buffer {
  const header = Buffer.alloc(5)
  header[0] = isLast ? 1 : 0
  header.writeUInt16LE(length, 1)
  header.writeUInt16LE(length ^ 0xffff, 3)
  return header
}

/** A whole member that unpacks to `bytes`, which are mostly runs. */
export function gzipRuns(bytes: Uint8Array): Buffer {
  return Buffer.concat([GZIP_HEADER, deflateRuns(bytes), gzipTrailer(crc32(bytes), bytes.length)])
}

const unpack = promisify(gunzip)

/** What a gzip unpacks to, away from this thread; undefined where it is damaged, or has more than `maxBytes`. */
export async function unpackGzip(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
  return unpack(bytes, { maxOutputLength: maxBytes }).catch(() => undefined)
}
