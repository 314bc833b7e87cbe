import type { NodeContext } from './env.ts'
import type { PageOptions } from './repository.ts'

/**
 * Makes the request's signal only when somebody asks for it: for a page from memory nobody does, and it costs more than the rest
 * of such a request. (A class, since a getter in an object literal costs more still.)
 */
export class LazyOptions implements PageOptions {
  readonly #context: NodeContext

  constructor(context: NodeContext) {
    this.#context = context
  }

  get insists(): boolean {
    const { headers } = this.#context.env.incoming
    const { 'cache-control': control } = headers
    // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
    return control === undefined
      ? headers.pragma === 'no-cache'
      : /(?:^|[\s,])(?:no-cache|max-age=0+)(?:$|[\s,])/i.test(control)
  }

  get signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}
