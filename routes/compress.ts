import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { PageEncoding } from './negotiate.ts'

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** Levels at which a page of 2 MB takes some tens of milliseconds, in node's thread pool: once per page, for all its readers. */
const GZIP_LEVEL = 6
const ZSTD_LEVEL = 3

/** Applies a content coding, off the event loop. */
export async function compress(bytes: Buffer, encoding: PageEncoding): Promise<Buffer> {
  if (encoding === 'identity') return bytes
  if (encoding === 'gzip') return gzipAsync(bytes, { level: GZIP_LEVEL })
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
  return zstdAsync(bytes, { params, pledgedSrcSize: bytes.length })
}
