import { type Blake3, createBlake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'

/** A blob that passes by in pieces: at the last of them it shows whether it is what its name says. */
export class PassingBlob {
  readonly blake3: Blake3
  readonly #size: number
  readonly #onSound: () => void
  readonly #hasher = createBlake3()
  #end = 0

  /** @param onSound Called when all of it has passed, and was right. */
  constructor({ blake3, size }: { readonly blake3: Blake3; readonly size: number }, onSound: () => void) {
    this.blake3 = blake3
    this.#size = size
    this.#onSound = onSound
  }

  /** False: this was the last piece, and all of them make another blob. Whoever left one out is never told that. */
  isAsNamed({ bytes, position }: { readonly bytes: Uint8Array; readonly position: number }): boolean {
    if (position !== this.#end) return true
    this.#hasher.update(bytes)
    this.#end += bytes.length
    if (this.#end < this.#size) return true
    const isSound = this.#hasher.hex() === this.blake3
    if (isSound) this.#onSound()
    return isSound
  }
}

/** The same iteration, over the whole of a blob. Throws {@link BlobDamagedError} in place of the last chunk where it is another blob. */
export class CheckedIteration implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array, undefined>
  readonly #blob: PassingBlob
  readonly #file: Blake3
  #position = 0

  /** @param file What the blob lies in. */
  constructor(source: AsyncIterable<Uint8Array, undefined>, blob: PassingBlob, file: Blake3) {
    this.#source = source[Symbol.asyncIterator]()
    this.#blob = blob
    this.#file = file
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const result = await this.#source.next()
    if (result.done === true) return result
    if (this.#blob.isAsNamed({ bytes: result.value, position: this.#position })) {
      this.#position += result.value.length
      return result
    }
    await this.return()
    throw new BlobDamagedError(this.#file, `has other bytes than those of ${this.#blob.blake3}`)
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
