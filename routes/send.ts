import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { LRUCache } from 'lru-cache'
import type { Exchange } from './env.ts'

/** Names and values by turns, as node takes them fastest. */
export type HeaderList = readonly string[]

/** Sends what is in memory, at once: a web Response costs as much as all else that a response from memory takes. */
export function sendWhole(
  c: Exchange,
  status: number,
  { headers, body }: { readonly headers: HeaderList; readonly body?: Uint8Array },
): Response {
  const { incoming, outgoing } = c.env
  // hono runs the GET route for HEAD too, and makes a response of its own of what that returns.
  if (incoming.method === 'HEAD') return new Response(null, { status, headers: pairsOf(headers) })
  outgoing.writeHead(status, headers as string[])
  outgoing.end(body)
  return RESPONSE_ALREADY_SENT
}

/**
 * For headers that are sent again and again. The strings are new ones, each in one piece: one that was put together, or cut out of
 * another, is gone over bit by bit whenever it is sent.
 */
export function listHeaders(headers: Readonly<Record<string, string>>): HeaderList {
  return JSON.parse(JSON.stringify(Object.entries(headers).flat())) as string[]
}

const common = new LRUCache<string, string>({ max: 500 })

/** For headers that are kept, among thousands of others: what many of them say is then the same string in all, and so near at hand. */
export function shareStrings(list: HeaderList): HeaderList {
  return list.map((text) => {
    const known = common.get(text)
    if (known === undefined) common.set(text, text)
    return known ?? text
  })
}

function pairsOf(headers: HeaderList): Record<string, string> {
  return Object.fromEntries(
    headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? '']] : [])),
  )
}
