import { type Blake3, createBlake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'

/** A blob that passes by in pieces: at the last of them it shows whether it is what its name says. */
export class PassingBlob {
  readonly blake3: Blake3
  readonly #size: number
  readonly #hasher = createBlake3()
  #end = 0

  constructor(blake3: Blake3, size: number) {
    this.blake3 = blake3
    this.#size = size
  }

  /** False: this was the last piece, and all of them make another blob. Whoever left one out is never told that. */
  isAsNamed({ bytes, position }: { readonly bytes: Uint8Array; readonly position: number }): boolean {
    if (position !== this.#end) return true
    this.#hasher.update(bytes)
    this.#end += bytes.length
    return this.#end < this.#size || this.#hasher.hex() === this.blake3
  }
}

/** The same iteration, over the whole of a blob that has a file of its own. Throws {@link BlobDamagedError} in place of the last chunk where it is another blob. */
export class CheckedIteration implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array, undefined>
  readonly #blob: PassingBlob
  #position = 0

  constructor(source: AsyncIterable<Uint8Array, undefined>, blob: PassingBlob) {
    this.#source = source[Symbol.asyncIterator]()
    this.#blob = blob
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const result = await this.#source.next()
    if (result.done === true) return result
    if (this.#blob.isAsNamed({ bytes: result.value, position: this.#position })) {
      this.#position += result.value.length
      return result
    }
    await this.return()
    throw new BlobDamagedError(this.#blob.blake3, 'has other bytes than its name says')
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
