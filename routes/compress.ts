import { promisify } from 'node:util'
import { constants, gzip, gzipSync, zstdCompress, zstdCompressSync } from 'node:zlib'
import type { PageEncoding } from './negotiate.ts'

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** Levels at which a page of 2 MB takes some tens of milliseconds, in node's thread pool: once per page, for all its readers. */
const GZIP_LEVEL = 6
const ZSTD_LEVEL = 3

/** Up to this many bytes, compressing takes a tenth of the time that the way to another thread and back would. */
const SHORT_BYTES = 4096
/** A small window and small tables, enough for a short page: setting up the usual ones would take longer than using them. */
const SHORT_GZIP = { level: GZIP_LEVEL, windowBits: 12, memLevel: 5 }

/** Applies a content coding; to more than a few kilobytes off the event loop. */
export async function compress(bytes: Buffer, encoding: PageEncoding): Promise<Buffer> {
  if (encoding === 'identity') return bytes
  const isShort = bytes.length <= SHORT_BYTES
  if (encoding === 'gzip') return isShort ? gzipSync(bytes, SHORT_GZIP) : gzipAsync(bytes, { level: GZIP_LEVEL })
  const options = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }, pledgedSrcSize: bytes.length }
  return isShort ? zstdCompressSync(bytes, options) : zstdAsync(bytes, options)
}
