import type { Member } from '../archive/member.ts'
import { GZIP_HEADER, gzipRuns, gzipTrailer, STORED_BLOCK_BYTES, storedBlockHeader } from '../archive/gzip-member.ts'
import { compareUtf8 } from '../tree-path.ts'
import { TAR_END, tarHeader, tarPadding } from './tar-header.ts'

/** By turns, bytes made for the purpose and slices of a wheel. In values that can be sent between threads, and few of them. */
export interface SlicedLayout {
  /** All bytes that are not the wheel's, one after the other. */
  readonly made: Uint8Array
  /** Three numbers a piece: how many of the made bytes come next, then where a slice of the wheel starts, and its length. */
  readonly pieces: Float64Array
  /** Of the whole, bytes. */
  readonly size: number
}

/** How a wheel's bytes become its tree as a `.tar.gz`, or one of its files as gzip, without inflating or deflating any of them. */
export interface TarGzLayout extends SlicedLayout {
  /**
   * Three numbers a file, in the order of the manifest: where its deflate stream starts in the wheel, its length there (0 where it is stored as
   * it is), and its CRC-32.
   */
  readonly files: Float64Array
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
  return { ...layout.finish(), files: sliceFiles(members) }
}

/** The file at `index` of the manifest, of `size` bytes, as one gzip member around its slice; undefined where it is stored as it is. */
export function layOutGzip(layout: TarGzLayout, index: number, size: number): SlicedLayout | undefined {
  const [offset = 0, length = 0, checksum = 0] = layout.files.subarray(3 * index, 3 * index + 3)
  if (length === 0) return undefined
  const writer = new LayoutWriter()
  writer.make(GZIP_HEADER)
  writer.slice(offset, length)
  writer.make(gzipTrailer(checksum, size))
  return writer.finish()
}

function sliceFiles(members: readonly Member[]): Float64Array {
  const files = members
    .filter(({ isDirectory }) => !isDirectory)
    .toSorted((left, right) => compareUtf8(left.path, right.path))
    .flatMap(({ method, dataOffset, compressedSize, crc32 }) => [dataOffset, method === 0 ? 0 : compressedSize, crc32])
  return new Float64Array(files)
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
  /** With room to grow. Bytes are copied here at once: each small buffer that is kept holds all of Node's pool that it was cut from. */
  #made = Buffer.alloc(64)
  #madeBytes = 0
  readonly #pieces: number[] = []
  #sinceSlice = 0
  #size = 0

  make(bytes: Buffer): void {
    const end = this.#madeBytes + bytes.length
    if (end > this.#made.length) this.#made = Buffer.concat([this.#made], 2 * end)
    this.#made.set(bytes, this.#madeBytes)
    this.#madeBytes = end
    this.#sinceSlice += bytes.length
    this.#size += bytes.length
  }

  slice(offset: number, length: number): void {
    this.#pieces.push(this.#sinceSlice, offset, length)
    this.#sinceSlice = 0
    this.#size += length
  }

  finish(): SlicedLayout {
    this.#pieces.push(this.#sinceSlice, 0, 0)
    return {
      made: Buffer.concat([this.#made], this.#madeBytes),
      pieces: new Float64Array(this.#pieces),
      size: this.#size,
    }
  }
}
