import { redactUrl } from '../redact.ts'
import type { Notation } from './notation.ts'

/** RFC 9110 §5.6.5: what may stand in a comment of a header as it is, without spaces. */
const SENDABLE = /^[!-'*-[\]-~]{1,200}$/
const ADDRESS = /^[^@/:]+@[^@/:]+$/

/** Whom an index may turn to about us, as it stands in every request to one: so it is no place for a password. */
export const contact: Notation<string> = {
  expected:
    'a mail address or an http(s) URL: up to 200 ASCII characters, without spaces, parentheses, backslashes and passwords',
  parse(written) {
    if (typeof written !== 'string' || !SENDABLE.test(written)) return undefined
    return ADDRESS.test(written) || isPublicUrl(written) ? written : undefined
  },
  show: (written) => redactUrl(JSON.stringify(written)),
}

function isPublicUrl(written: string): boolean {
  const url = URL.parse(written)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}
