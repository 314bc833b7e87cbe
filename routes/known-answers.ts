import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AtHand } from '../storage/at-hand.ts'
import type { Exchange } from './env.ts'
import type { Shortcuts } from './shortcuts.ts'

/** Answers a GET whose target was routed before, without hono. False: it was not, and nothing was done. */
export type AnswerKnown = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean

/** An ordinary Host header. Any other is left to hono's adaptor, which refuses what is no host (G6). */
const PLAIN_HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

type Describe = (error: unknown, c: Exchange) => Response

/** @param describe What a client is told of an error. */
export function knownAnswers(shortcuts: Shortcuts, describe: Describe): AnswerKnown {
  // The last one that matched: nearly all requests have the same, which need not be matched again.
  let plainHost: string | undefined
  return (incoming, outgoing) => {
    const answer = incoming.method === 'GET' ? shortcuts.find(incoming.url ?? '') : undefined
    if (answer === undefined) return false
    const { host = '' } = incoming.headers
    if (host !== plainHost) {
      if (!PLAIN_HOST.test(host)) return false
      plainHost = host
    }
    const exchange = new DirectExchange(incoming, outgoing)
    try {
      const answered = answer(exchange)
      if (answered !== RESPONSE_ALREADY_SENT) void finish(exchange, answered, describe)
    } catch (error) {
      void finish(exchange, Promise.reject(error), describe)
    }
    return true
  }
}

/** Never rejects: where not even the error can be sent, the connection is closed. */
async function finish(c: Exchange, answered: AtHand<Response>, describe: Describe): Promise<void> {
  const { outgoing } = c.env
  try {
    await send(outgoing, await answered)
  } catch (error) {
    try {
      await send(outgoing, describe(error, c))
    } catch {
      outgoing.destroy()
    }
  }
}

/** Writes a response that the route has not written itself: a problem or a redirect. */
async function send(outgoing: ServerResponse, response: Response): Promise<void> {
  if (response === RESPONSE_ALREADY_SENT) return
  const body = response.body === null ? undefined : Buffer.from(await response.arrayBuffer())
  outgoing.writeHead(response.status, [...response.headers].flat())
  outgoing.end(body)
}

/** An exchange without a web Request. It is its own `env`, `req` and `raw`: one object less for each request that is answered from memory. */
class DirectExchange implements Exchange {
  readonly incoming: HttpBindings['incoming']
  readonly outgoing: HttpBindings['outgoing']
  #leaving: AbortController | undefined

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.incoming = incoming
    this.outgoing = outgoing
  }

  get env(): HttpBindings {
    return this
  }

  get req(): Exchange['req'] {
    return this
  }

  get raw(): Exchange['req']['raw'] {
    return this
  }

  /** With a made-up host: what is asked for does not depend on the real one, which might make no valid URL. */
  get url(): string {
    const { url = '' } = this.incoming
    return url.startsWith('/') ? `http://localhost${url}` : url
  }

  /** Aborted when the client goes away before the response is sent. */
  get signal(): AbortSignal {
    this.#leaving ??= watchLeaving(this.outgoing)
    return this.#leaving.signal
  }
}

function watchLeaving(outgoing: HttpBindings['outgoing']): AbortController {
  const leaving = new AbortController()
  const look = (): void => {
    if (!outgoing.writableFinished) leaving.abort()
  }
  if (outgoing.destroyed) look()
  else outgoing.once('close', look)
  return leaving
}
