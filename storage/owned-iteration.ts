/**
 * An iteration that gives back what it holds, once, when it ends, fails or is given up. A generator's own `finally` does not do that:
 * it never runs where the generator was not started.
 */
export class OwnedIteration implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncGenerator<Uint8Array, undefined>
  readonly #giveBack: () => Promise<void>
  #isOver = false

  constructor(source: AsyncGenerator<Uint8Array, undefined>, giveBack: () => Promise<void>) {
    this.#source = source
    this.#giveBack = giveBack
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const result = await this.#source.next()
      if (result.done === true) await this.#end()
      return result
    } catch (error) {
      await this.#end()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return(undefined)
    await this.#end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #end(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    await this.#giveBack()
  }
}
