import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'

/** zstd's own default: several hundred megabytes a second on one core. */
const LEVEL = 3

/**
 * Compresses chunks with zstd, in node's thread pool, no faster than the result is read. `size` is that of the whole, bytes; the frame carries it and a
 * checksum. The bytes depend on the version of the library. A chunk of `source` is done with before the next one is asked for.
 */
export async function* compressZstd(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, undefined> {
  const zstd = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: size,
    chunkSize: 256 << 10,
  })
  const feeding = feed(source, zstd)
  try {
    for await (const chunk of zstd) yield chunk as Uint8Array
  } finally {
    // Whoever stops reading also stops the source; an error of the source has ended the loop above.
    zstd.destroy()
    await feeding
  }
  return undefined
}

/** Never rejects: what goes wrong ends `zstd`, whose reader hears of it. */
async function feed(source: AsyncIterable<Uint8Array>, zstd: ZstdCompress): Promise<void> {
  try {
    for await (const chunk of source) {
      if (zstd.destroyed || !(await write(zstd, chunk))) return
    }
    zstd.end()
  } catch (error) {
    zstd.destroy(error as Error)
  }
}

/** Resolves when the chunk's memory is free again; false where nobody reads any more. */
function write(zstd: ZstdCompress, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = (): void => resolve(false)
    zstd.once('close', stop)
    zstd.write(chunk, (error) => {
      zstd.off('close', stop)
      resolve(error === null || error === undefined)
    })
  })
}
