import { BlobDamagedError } from './errors.ts'

/** Sees to files that a read found damaged. `mend` and `mendTrees` resolve with whether the read is worth another try. */
export interface Mender {
  /** Whether something is being healed. */
  readonly isRunning: boolean
  /** Waits until what is being healed is out of service, and trees are there again. */
  settleTrees(): Promise<void>
  /** Waits until all is there again. Rejects with {@link StoreChangedError} where the file was pruned, maybe by another process. */
  mend(error: unknown): Promise<boolean>
  /** Does not wait for a distribution, which is downloaded meanwhile: for those who may be part of that download. */
  mendTrees(error: unknown): Promise<boolean>
}

/** Reads; where that meets damage, has it seen to by `mend`, and reads once more. */
export async function readMended<Value>(mend: Mender['mend'], read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof BlobDamagedError) || !(await mend(error))) throw error
    return read()
  }
}

/**
 * Passes an iteration on. If it fails over damage, part of it may have been sent: this reader gets the error, and the file is healed in the background
 * for the next one.
 */
export class MendedIteration implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array, undefined>
  readonly #mender: Mender

  constructor(source: AsyncIterable<Uint8Array, undefined>, mender: Mender) {
    this.#source = source[Symbol.asyncIterator]()
    this.#mender = mender
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      return await this.#source.next()
    } catch (error) {
      if (error instanceof BlobDamagedError) this.#mender.mend(error).catch(() => {}) // It was pruned: nobody needs it.
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return?.(undefined)
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
