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
 * A list of headers that is sent again and again. Its strings are copied by way of JSON, so that each is in one piece: V8 keeps a string that was
 * concatenated, or cut out of another, as references to its parts, and follows these whenever it is sent.
 */
export function listHeaders(headers: Readonly<Record<string, string>>): HeaderList {
  return JSON.parse(JSON.stringify(Object.entries(headers).flat())) as string[]
}

const common = new LRUCache<string, string>({ max: 500 })

/** The same list, with one string object for a value that many kept lists have: of thousands of lists, what is shared stays in the processor's cache. */
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
