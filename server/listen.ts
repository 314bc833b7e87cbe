import { getRequestListener, RequestError } from '@hono/node-server'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { RouteError } from '../routes/errors.ts'
import type { AnswerKnown } from '../routes/known-answers.ts'
import { formatListen, type ListenAddress } from './config/notation.ts'
import { problemOf, renderProblem } from './problems.ts'
import { findHostFault, refuseHost, refuseMalformed } from './refuse-malformed.ts'

/** What answers requests: a Hono app, for one. */
export interface Answering {
  readonly fetch: Parameters<typeof getRequestListener>[0]
  /** Asked first. */
  readonly answerKnown?: AnswerKnown
}

export interface Listening {
  /** `http://host:port`, with the real port and no trailing slash. */
  readonly url: string
  /** What went out since the start on all connections, headers included. */
  bytesSent(): number
  /**
   * Accepts nothing more, ends idle connections at once and others as soon as their responses are sent, and breaks off what is
   * left after the grace time (default 10 s). Resolves when no connection is left.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

/** The address cannot be listened on; the message says what to do. */
export class ListenError extends Error {
  readonly code = 'ERR_LISTEN'
}

const SERVER_OPTIONS = {
  // Longer than the 60 s for which common proxies keep a connection, so that none sends a request into one that just closed.
  keepAliveTimeout: 75_000,
  // Both are about receiving a request, and ours are small; a response may take as long as its client keeps reading.
  headersTimeout: 30_000,
  requestTimeout: 60_000,
  // TCP keep-alive: notices a client that vanished in the middle of a long download.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  noDelay: true,
  // Ours is a problem: see findHostFault.
  requireHostHeader: false,
} as const

/** A connection with a response under way on which nothing moves for this long, in neither direction, is given up, whatever it waits for. */
const STALLED_MS = 10 * 60_000

/** Listens on an address and answers what comes. Throws {@link ListenError}. */
export async function listen(app: Answering, address: ListenAddress): Promise<Listening> {
  const server = createServer(SERVER_OPTIONS)
  const connections = new Connections(server)
  const answer = createListener(app, address.host)
  server.on('request', (request, response) => {
    connections.note(request, response)
    answer(request, response)
    // What comes from memory is mostly out by now. By server.timeout it would have a timer too, which each read and write moves on.
    if (!response.writableFinished) request.socket.setTimeout(STALLED_MS)
  })
  refuseMalformed(server, { isAnswering: (socket) => connections.isAnswering(socket) })
  await bind(server, address)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${formatListen({ host: address.host, port })}`,
    bytesSent: () => connections.bytesSent(),
    close: ({ graceMs = 10_000 } = {}) => connections.close(graceMs),
  }
}

/** Hands requests to an app. @param hostname For a request that names none. */
export function createListener(app: Answering, hostname: string): RequestListener {
  const answer = getRequestListener(app.fetch, { hostname, errorHandler: answerMalformed })
  return (request, response) => {
    const hostFault = findHostFault(request)
    if (hostFault !== undefined) refuseHost(response, hostFault)
    // What it returns is for a caller that waits; it never rejects.
    else if (app.answerKnown?.(request, response) !== true) void answer(request, response)
  }
}

/** G6: a Host header or a target of which no URL can be made never gets to the app. */
function answerMalformed(error: unknown): Response {
  const isTheirs = error instanceof RequestError
  const problem = problemOf(isTheirs ? new RouteError('ERR_BAD_REQUEST', `${error.message}.`, { cause: error }) : error)
  return renderProblem(problem, crypto.randomUUID())
}

async function bind(server: Server, address: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(listenError(error, address))
    server.once('error', fail)
    server.listen(address.port, address.host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function listenError(error: NodeJS.ErrnoException, address: ListenAddress): ListenError {
  const name = formatListen(address)
  const remedy = `set another with --listen host:port or ARBOR_LISTEN`
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `something listens there already, maybe another Arbor: stop it, or ${remedy}`,
    EACCES: `not permitted (a port below 1024 needs privileges): ${remedy}`,
    EADDRNOTAVAIL: `no such address on this machine: ${remedy}`,
    ENOTFOUND: `no such host: ${remedy}`,
  }
  const code = error.code ?? error.message
  return new ListenError(`cannot listen on ${name}: ${reasons[code] ?? `${code}; ${remedy}`}`, { cause: error })
}

/** Knows which connections have a response under way, so that closing cuts none short. */
class Connections {
  readonly #server: Server
  /** The last response on each, begun or over: those before it go out before it. To note no more than this costs next to nothing per request. */
  readonly #last = new Map<Socket, ServerResponse | undefined>()
  #closing: Promise<void> | undefined
  /** On connections that are closed. */
  #bytesSent = 0

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#last.set(socket, undefined)
      socket.once('close', () => {
        this.#last.delete(socket)
        this.#bytesSent += socket.bytesWritten
      })
    })
    // Node gives each request to this or to 'request'.
    server.prependListener('checkExpectation', (request, response) => this.note(request, response))
    // Node's own, which its close() calls, also breaks off responses that are ended but not yet sent (Node 26.10).
    server.closeIdleConnections = () => this.#endIdle()
  }

  /** To be told of each response, before it begins. */
  note({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#last.set(socket, response)
    if (this.#closing !== undefined) this.#endAfter(response)
  }

  bytesSent(): number {
    return Array.from(this.#last.keys()).reduce((sum, socket) => sum + socket.bytesWritten, this.#bytesSent)
  }

  /** Whether a response was begun, and did not come to its end. */
  isAnswering(socket: Socket): boolean {
    const last = this.#last.get(socket)
    return last?.headersSent === true && !last.closed
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= new Promise<void>((resolve) => {
      const breakOff = setTimeout(() => {
        for (const socket of this.#last.keys()) socket.destroy()
      }, graceMs)
      for (const response of this.#last.values()) if (response?.closed === false) this.#endAfter(response)
      this.#server.close(() => {
        clearTimeout(breakOff)
        resolve()
      })
    })
    return this.#closing
  }

  #endAfter(response: ServerResponse): void {
    response.once('close', () => this.#endIdle())
  }

  #endIdle(): void {
    for (const [socket, last] of this.#last) if (last === undefined || last.closed) socket.destroySoon()
  }
}
