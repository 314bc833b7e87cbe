import type { IncomingMessage } from 'node:http'

const made = new WeakMap<IncomingMessage, string>()

/** The client's own (or a proxy's), so that logs can be put together; else one that is made, once for each request. */
export function requestIdOf(request: IncomingMessage): string {
  const known = findRequestId(request)
  if (known !== undefined) return known
  const id = crypto.randomUUID()
  made.set(request, id)
  return id
}

/** What the client gave, or was told; undefined where neither was. */
export function findRequestId(request: IncomingMessage): string | undefined {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : made.get(request)
}
