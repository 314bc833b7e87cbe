import type { Member } from '../archive/archive.ts'
import { GZIP_HEADER, gzipRuns, gzipTrailer, STORED_BLOCK_BYTES, storedBlockHeader } from '../archive/gzip-member.ts'
import { TAR_END, tarHeader, tarPadding } from './tar-header.ts'

/**
 * How a wheel's bytes become its tree as a `.tar.gz` without inflating or deflating any of them: by turns, bytes made for the purpose and a slice
 * of the wheel. In values that can be sent between threads, and few of them.
 */
export interface TarGzLayout {
  /** All bytes that are not the wheel's, one after the other. */
  readonly made: Uint8Array
  /** Three numbers a piece: how many of the made bytes come next, then where a slice of the wheel starts, and its length. */
  readonly pieces: Float64Array
  /** Of the whole, bytes. */
  readonly size: number
}

/**
 * A sequence of gzip members (RFC 1952 §2.2): for each file a small one with its tar header, and before that the padding of the file before
 * it; then one around the file's own deflate stream in the wheel. Members come in the wheel's order, so that it is read from front to back.
 * The same wheel gives the same bytes on every machine.
 */
export function layOutTarGz(members: readonly Member[]): TarGzLayout {
  const layout = new LayoutWriter()
  let padding = 0
  for (const member of members) {
    layout.make(gzipRuns(Buffer.concat([Buffer.alloc(padding), tarHeader(member)])))
    if (member.size > 0) addContents(layout, member)
    padding = tarPadding(member.size)
  }
  layout.make(gzipRuns(Buffer.concat([Buffer.alloc(padding), TAR_END])))
  return layout.finish()
}

function addContents(layout: LayoutWriter, { method, dataOffset, compressedSize, crc32, size }: Member): void {
  layout.make(GZIP_HEADER)
  if (method === 0) addStored(layout, dataOffset, size)
  else layout.slice(dataOffset, compressedSize)
  layout.make(gzipTrailer(crc32, size))
}

function addStored(layout: LayoutWriter, offset: number, size: number): void {
  for (let done = 0; done < size; done += STORED_BLOCK_BYTES) {
    const length = Math.min(STORED_BLOCK_BYTES, size - done)
    layout.make(storedBlockHeader(length, { isLast: done + length === size }))
    layout.slice(offset + done, length)
  }
}

class LayoutWriter {
  readonly #made: Buffer[] = []
  readonly #pieces: number[] = []
  #sinceSlice = 0
  #size = 0

  make(bytes: Buffer): void {
    this.#made.push(bytes)
    this.#sinceSlice += bytes.length
    this.#size += bytes.length
  }

  slice(offset: number, length: number): void {
    this.#pieces.push(this.#sinceSlice, offset, length)
    this.#sinceSlice = 0
    this.#size += length
  }

  finish(): TarGzLayout {
    this.#pieces.push(this.#sinceSlice, 0, 0)
    return { made: Buffer.concat(this.#made), pieces: new Float64Array(this.#pieces), size: this.#size }
  }
}
