import { type Blake3, createBlake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'

/** Hashes a blob as its pieces are read in order; the last one shows whether it has the bytes that its name says. */
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

  /** False: this was the last piece, and together they are not the blob. A reader that skips a piece always gets true: then nothing is known. */
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

/** Passes on the chunks of a whole blob. Throws {@link BlobDamagedError} in place of the last one if the bytes are not the blob's. */
export class CheckedIteration implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array, undefined>
  readonly #blob: PassingBlob
  readonly #file: Blake3
  #position = 0

  /** @param file The file to report as damaged: the pack that the blob lies in, or the blob itself. */
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
