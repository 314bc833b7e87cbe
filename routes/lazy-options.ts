import type { NodeContext } from './env.ts'
import type { RequestOptions } from './repository.ts'

/**
 * Makes the request's signal only when somebody asks for it: for a page from memory nobody does, and it costs more than the rest
 * of such a request. (A class, since a getter in an object literal costs more still.)
 */
export class LazyOptions implements RequestOptions {
  readonly #context: NodeContext

  constructor(context: NodeContext) {
    this.#context = context
  }

  get signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}
