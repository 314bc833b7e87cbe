import type { OpenBlob } from '../blobs/blob-store.ts'
import { BlobDamagedError } from '../errors.ts'
import type { SlicedLayout } from './tar-gz-layout.ts'

/** What is sent at once, and read ahead of the wheel: small slices are gathered. */
const CHUNK_BYTES = 512 << 10

/**
 * The bytes of a layout from `first` to `last`, both included, in chunks that are valid until the next one is asked for. Reads the wheel
 * by position, once, in order. Does not close `wheel`. Throws {@link BlobDamagedError} where it is shorter than the layout says.
 */
export async function* readLayout(
  layout: SlicedLayout,
  wheel: OpenBlob,
  range: { readonly first: number; readonly last: number },
): AsyncGenerator<Uint8Array, undefined> {
  const size = Math.min(CHUNK_BYTES, range.last + 1 - range.first)
  const window = new Window(wheel, size)
  const chunk = Buffer.allocUnsafe(size)
  let filled = 0
  for (const part of cut(layout, range)) {
    for (let done = 0; done < part.length;) {
      const count = Math.min(part.length - done, size - filled)
      const bytes =
        part.kind === 'made'
          ? layout.made.subarray(part.offset + done, part.offset + done + count)
          : await window.view(part.offset + done, count)
      chunk.set(bytes, filled)
      filled += bytes.length
      done += bytes.length
      if (filled < size) continue
      yield chunk
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
  return undefined
}

interface Part {
  readonly kind: 'made' | 'wheel'
  readonly offset: number
  readonly length: number
}

/** The parts of a layout that lie in a range of the whole, cut to it. */
function* cut(
  { pieces }: SlicedLayout,
  { first, last }: { readonly first: number; readonly last: number },
): Generator<Part> {
  let position = 0
  let madeOffset = 0
  for (let index = 0; index < pieces.length && position <= last; index += 3) {
    const made = pieces[index] ?? 0
    const length = pieces[index + 2] ?? 0
    for (const part of [
      { kind: 'made', offset: madeOffset, length: made },
      { kind: 'wheel', offset: pieces[index + 1] ?? 0, length },
    ] as const) {
      const skipped = Math.max(0, first - position)
      const kept = Math.min(part.length, last + 1 - position) - skipped
      if (kept > 0) yield { kind: part.kind, offset: part.offset + skipped, length: kept }
      position += part.length
    }
    madeOffset += made
  }
}

/** A stretch of the wheel in memory, which moves on. */
class Window {
  readonly #wheel: OpenBlob
  readonly #buffer: Buffer
  #start = 0
  #end = 0

  constructor(wheel: OpenBlob, size: number) {
    this.#wheel = wheel
    this.#buffer = Buffer.allocUnsafe(size)
  }

  /** At least one byte from `position`, at most `length`, valid until the next call. */
  async view(position: number, length: number): Promise<Uint8Array> {
    if (position < this.#start || position >= this.#end) {
      this.#end = 0
      const count = await this.#wheel.read(this.#buffer, position)
      if (count === 0) throw new BlobDamagedError(this.#wheel.blake3, `ends before ${position}`)
      this.#start = position
      this.#end = position + count
    }
    return this.#buffer.subarray(position - this.#start, Math.min(this.#end, position + length) - this.#start)
  }
}
