import type { Blake3 } from '../digest.ts'
import type { RenditionRange } from './rendition.ts'
import { TAR_BLOCK_BYTES, TAR_END, type TarEntry, tarHeader, tarHeaderLength, tarPadding } from './tar-header.ts'

/** A member of a tar whose contents are a stored blob; a directory has none. */
export interface TarMember extends TarEntry {
  readonly blake3: Blake3 | undefined
}

/** A stretch of a tar: bytes that are there, or those of a blob from `offset`. */
type TarPart =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blake3: Blake3; readonly offset: number; readonly length: number }

/**
 * A tar that is made while it is read: how long it is, and what is where. The same members give the same bytes on every machine. Headers are
 * written when they are read, since those of a large tree would fill megabytes.
 */
export class TarLayout {
  /** Of the whole, bytes. */
  readonly size: number
  readonly #members: readonly TarMember[]
  /** Where each member begins. */
  readonly #starts: Float64Array

  constructor(members: readonly TarMember[]) {
    this.#members = members
    this.#starts = new Float64Array(members.length)
    let position = 0
    for (const [index, member] of members.entries()) {
      this.#starts[index] = position
      position += tarHeaderLength(member) + member.size + tarPadding(member.size)
    }
    this.size = position + TAR_END.length
  }

  /** The parts that make up a range, in order. */
  *cut({ first, last }: RenditionRange): Generator<TarPart, undefined> {
    for (let index = this.#memberAt(first); index < this.#members.length; index += 1) {
      const start = this.#starts[index] ?? 0
      if (start > last) return undefined
      const member = this.#members[index]
      if (member !== undefined) yield* cutMember(member, { first: first - start, last: last - start })
    }
    const end = this.size - TAR_END.length
    yield* cutBytes(TAR_END, 0, { first: first - end, last: last - end })
    return undefined
  }

  /** The blobs that a range takes bytes of, or lies right beside. */
  *blobsIn({ first, last }: RenditionRange): Generator<Blake3, undefined> {
    for (let index = this.#memberAt(first); (this.#starts[index] ?? Infinity) <= last; index += 1) {
      const blake3 = this.#members[index]?.blake3
      if (blake3 !== undefined) yield blake3
    }
    return undefined
  }

  /** The last member that begins at or before a position. */
  #memberAt(position: number): number {
    let low = 0
    for (let high = this.#starts.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= position) low = middle
      else high = middle
    }
    return low
  }
}

/** `range` counts from the member's start. */
function* cutMember(member: TarMember, range: RenditionRange): Generator<TarPart> {
  const length = tarHeaderLength(member)
  if (range.first < length) yield* cutBytes(tarHeader(member), 0, range)
  const { blake3, size } = member
  const offset = Math.max(0, range.first - length)
  const count = Math.min(size, range.last + 1 - length) - offset
  if (blake3 !== undefined && count > 0) yield { kind: 'blob', blake3, offset, length: count }
  yield* cutBytes(ZEROS.subarray(0, tarPadding(size)), length + size, range)
}

const ZEROS = Buffer.alloc(TAR_BLOCK_BYTES)

/** What of `bytes`, which start at `start`, lies in the range. */
function* cutBytes(bytes: Uint8Array, start: number, { first, last }: RenditionRange): Generator<TarPart> {
  const from = Math.max(0, first - start)
  const to = Math.min(bytes.length, last + 1 - start)
  if (from < to) yield { kind: 'made', bytes: bytes.subarray(from, to) }
}
