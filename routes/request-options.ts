import type { Exchange } from './env.ts'
import type { FileOptions, PageOptions } from './repository.ts'

/** What a request for a project page says in its headers. */
export function pageOptionsOf({ env }: Exchange): PageOptions {
  const { 'cache-control': control, pragma } = env.incoming.headers
  // RFC 9111 §5.4: Pragma counts only where there is no Cache-Control.
  const insists =
    control === undefined ? pragma === 'no-cache' : /(?:^|[\s,])(?:no-cache|max-age=0+)(?:$|[\s,])/i.test(control)
  return { insists }
}

/** What a request for a file says in its method and headers. */
export function fileOptionsOf({ env }: Exchange): FileOptions {
  const { method, headers } = env.incoming
  return { headersOnly: method === 'HEAD', part: headers.range !== undefined }
}
