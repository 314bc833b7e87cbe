import type { Proxies } from '../upstream/agent.ts'
import type { Environment } from './environment.ts'
import type { Mistake } from './mistakes.ts'
import { describeMisfit, type Notation } from './notation.ts'

/** curl and pip take `proxy.example:3128` for a proxy that speaks HTTP, and so is it written. */
const proxyUrl: Notation<string> = {
  expected: 'the http URL of a proxy such as "http://proxy.example:3128"',
  parse(written) {
    const text = String(written)
    const url = URL.parse(text.includes('://') ? text : `http://${text}`)
    const isProxy = url !== null && url.hostname !== '' && /^(https?|socks5?):$/.test(url.protocol)
    return isProxy && isDecodable(`${url.username}:${url.password}`) ? url.href : undefined
  },
  // It may hold a password, and one that is no URL anywhere.
  show: () => 'something else (not shown)',
}

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in lower case first, as everybody does; an empty one counts as none. Adds what is wrong to `mistakes`. */
export function readProxies(env: Environment, mistakes: Mistake[]): Proxies {
  const read = (name: string): string | undefined => {
    const where = env[name.toLowerCase()] === undefined ? name : name.toLowerCase()
    const written = env[where]?.trim()
    if (written === undefined || written === '') return undefined
    const url = proxyUrl.parse(written)
    if (url === undefined) mistakes.push({ where, problem: describeMisfit(proxyUrl, written) })
    return url
  }
  return { http: read('HTTP_PROXY'), https: read('HTTPS_PROXY'), except: env['no_proxy'] ?? env['NO_PROXY'] }
}

/** Credentials are decoded when they are made a header: what cannot be decoded would end the start there. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
