import { hashSha256 } from '../storage/digest.ts'
import { RouteError } from './errors.ts'

/**
 * Checks an `Authorization` header (RFC 6750 §2.1) against the one token. Throws a 401 where it is not that one.
 * Without a token nobody is let in.
 */
export function requireBearer(authorization: string | undefined, token: string | undefined): void {
  const offered = /^Bearer +([^\s]+) *$/i.exec(authorization ?? '')?.[1]
  if (token !== undefined && offered !== undefined && isSame(offered, token)) return
  const problem = offered === undefined ? '' : ', error="invalid_token"'
  throw new RouteError('ERR_UNAUTHORIZED', 'This needs the admin token: "Authorization: Bearer <token>".', {
    headers: { 'WWW-Authenticate': `Bearer realm="arbor"${problem}` },
  })
}

/** Compares in constant time: it compares hashes, and to their ends, so that how long it takes says nothing of the token. */
function isSame(a: string, b: string): boolean {
  const left = hashSha256(Buffer.from(a))
  const right = hashSha256(Buffer.from(b))
  let difference = 0
  for (let index = 0; index < left.length; index += 1) difference |= left.charCodeAt(index) ^ right.charCodeAt(index)
  return difference === 0
}
