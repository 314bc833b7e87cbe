import type { Exchange } from './env.ts'
import { acceptsGzip } from './negotiate.ts'
import type { FileOptions, PageOptions, RequestOptions, TreeFileOptions } from './repository.ts'

/**
 * Makes the request's signal only when somebody asks for it: for what comes from memory nobody does, and it costs more than the rest
 * of such a request. (A class, since a getter in an object literal costs more still.)
 */
export class LazyOptions implements RequestOptions {
  protected readonly context: Exchange

  constructor(context: Exchange) {
    this.context = context
  }

  get signal(): AbortSignal {
    return this.context.req.raw.signal
  }
}

export class LazyPageOptions extends LazyOptions implements PageOptions {
  get insists(): boolean {
    const { headers } = this.context.env.incoming
    const { 'cache-control': control } = headers
    // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
    return control === undefined
      ? headers.pragma === 'no-cache'
      : /(?:^|[\s,])(?:no-cache|max-age=0+)(?:$|[\s,])/i.test(control)
  }
}

export class LazyFileOptions extends LazyOptions implements FileOptions {
  get describe(): boolean {
    return this.context.env.incoming.method === 'HEAD'
  }

  get part(): boolean {
    return this.context.env.incoming.headers.range !== undefined
  }
}

export class LazyTreeFileOptions extends LazyOptions implements TreeFileOptions {
  get gzip(): boolean {
    return acceptsGzip(this.context.env.incoming.headers['accept-encoding'])
  }
}
