import { getRequestListener, RequestError } from '@hono/node-server'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  createServer as createDoor,
  type ListenOptions,
  type Server as Door,
  type Socket,
} from 'node:net'
import { RouteError } from '../routes/errors.ts'
import type { AnswerKnown } from '../routes/known-answers.ts'
import { formatListen, formatListenUrl, type ListenAddress } from './config/notation.ts'
import { inTurn } from './in-turn.ts'
import type { Served } from './metrics.ts'
import { findTightFileLimit } from './open-files.ts'
import { problemOf, renderProblem } from './problems.ts'
import { findHostFault, refuseHost, refuseMalformed } from './refuse-malformed.ts'
import { requestIdOf } from './request-id.ts'
import { ResponseCounts } from './response-counts.ts'

/** What answers requests: a Hono app, for one. */
export interface Answering {
  readonly fetch: Parameters<typeof getRequestListener>[0]
  /** Asked first. */
  readonly answerKnown?: AnswerKnown
}

export interface Listening extends Served {
  /** `http://host:port`, with the real port and no trailing slash. */
  readonly url: string
  /** Forgets what was served until now. @param see Is given each request from now on, before it is answered. */
  countFromNow(see?: RequestListener): void
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

/**
 * Node accepts one connection by each socket that listens in a turn of its event loop, and a turn takes 10 ms while wheels are fetched. So there
 * are several, where the system lets them share a port. Each takes a descriptor: where there are few, there is one.
 */
const DOORS = 16

/** A connection with a response under way is closed when nothing was sent or received on it for this long, milliseconds. */
const STALLED_MS = 10 * 60_000

/** Listens on an address and answers what comes. Throws {@link ListenError}. */
export async function listen(app: Answering, address: ListenAddress): Promise<Listening> {
  const server = createServer(SERVER_OPTIONS)
  const connections = new Connections(server)
  const responses = new ResponseCounts()
  const answer = inTurn(createListener(app, address.host))
  server.on('request', (request, response) => {
    connections.note(request, response)
    answer(request, response)
    responses.note(response)
    // A response from memory is mostly out by now, and needs no timer. (`server.timeout` would begin one for each, and move it on at each read and write.)
    if (!response.writableFinished) request.socket.setTimeout(STALLED_MS)
  })
  refuseMalformed(server, { isAnswering: (socket) => connections.isAnswering(socket) })
  server.on('checkExpectation', (_, response: ServerResponse) => responses.note(response))
  const doors = await openDoors(server, address)
  const { port } = server.address() as AddressInfo
  let ownBytes = 0
  return {
    url: formatListenUrl({ host: address.host, port }),
    bytesSent: () => connections.bytesSent() - ownBytes,
    responses: () => responses.tally(),
    countFromNow(see) {
      ownBytes = connections.bytesSent()
      responses.clear()
      if (see !== undefined) for (const event of ['request', 'checkExpectation']) server.prependListener(event, see)
    },
    close: ({ graceMs = 10_000 } = {}) => connections.close(doors, graceMs),
  }
}

/** Hands requests to an app. @param hostname For a request that names none. */
export function createListener(app: Answering, hostname: string): RequestListener {
  // While the adaptor begins with it, which is when it may find that it is malformed.
  let begun: IncomingMessage | undefined
  const errorHandler = (error: unknown): Response =>
    answerMalformed(error, begun === undefined ? crypto.randomUUID() : requestIdOf(begun))
  const answer = getRequestListener(app.fetch, { hostname, errorHandler })
  return (request, response) => {
    const hostFault = findHostFault(request)
    if (hostFault !== undefined) refuseHost(response, hostFault)
    else if (app.answerKnown?.(request, response) === true) return
    else if (!isHost(request.headers.host)) refuseHost(response, 'The Host header names no host.')
    else {
      begun = request
      // What it returns is for a caller that waits; it never rejects.
      void answer(request, response)
      begun = undefined
    }
  }
}

/** G6: hono's adaptor takes whatever is all letters, digits and dots, also `256.1.1.1`, of which the app then can make no URL. */
function isHost(host = ''): boolean {
  return host === '' || URL.canParse(`http://${host}`)
}

/** G6: a Host header or a target of which no URL can be made never gets to the app. */
function answerMalformed(error: unknown, requestId: string): Response {
  const isTheirs = error instanceof RequestError
  const problem = problemOf(isTheirs ? new RouteError('ERR_BAD_REQUEST', `${error.message}.`, { cause: error }) : error)
  return renderProblem(problem, requestId)
}

/** What new connections come by, the server itself among it. Throws {@link ListenError}. */
async function openDoors(server: Server, address: ListenAddress): Promise<readonly Door[]> {
  try {
    // Who shares a port is not told that somebody else has it. Nobody has what 0 stands for.
    if (address.port !== 0) await closeDoor(await openDoor(createDoor(), address))
    await openDoor(server, { ...address, reusePort: true }).catch(() => openDoor(server, address))
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, address)
  }
  const { port } = server.address() as AddressInfo
  const count = findTightFileLimit() === undefined ? DOORS : 1
  const others = Array.from({ length: count - 1 }, () =>
    createDoor({ ...SERVER_OPTIONS, allowHalfOpen: true }, (socket) => void server.emit('connection', socket)),
  )
  const opened = await Promise.allSettled(others.map((door) => openDoor(door, { ...address, port, reusePort: true })))
  return [server, ...opened.flatMap((door) => (door.status === 'fulfilled' ? door.value : []))]
}

function openDoor(door: Door, options: ListenOptions): Promise<Door> {
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen(options, () => {
      door.off('error', reject)
      resolve(door)
    })
  })
}

function closeDoor(door: Door): Promise<void> {
  return new Promise((resolve) => door.close(() => resolve()))
}

function listenError(error: NodeJS.ErrnoException, address: ListenAddress): ListenError {
  const name = formatListen(address)
  const remedy = `set another with --listen host:port or ARBOR_LISTEN`
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `something listens there already, maybe another Arbor: stop it, or ${remedy}`,
    EACCES: `not permitted (a port below 1024 needs privileges): ${remedy}`,
    EADDRNOTAVAIL: `no such address on this machine: ${remedy}`,
    ENOTFOUND: `no such host: ${remedy}`,
    EINVAL: `the system does not take this address (a link-local one needs its interface, as in [fe80::1%eth0]:3141): ${remedy}`,
  }
  const code = error.code ?? error.message
  return new ListenError(`cannot listen on ${name}: ${reasons[code] ?? `${code}; ${remedy}`}`, { cause: error })
}

/** Knows which connections have a response under way, so that closing cuts none short. */
class Connections {
  /** The last response on each connection. Those before it go out before it, so it alone tells whether the connection is idle. */
  readonly #last = new Map<Socket, ServerResponse | undefined>()
  #closing: Promise<void> | undefined
  /** Sent on connections that are closed by now. */
  #bytesSent = 0

  constructor(server: Server) {
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

  /** To be called for each response, before it begins. */
  note({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#last.set(socket, response)
    if (this.#closing !== undefined) this.#endAfter(response)
  }

  bytesSent(): number {
    return Array.from(this.#last.keys()).reduce((sum, socket) => sum + socket.bytesWritten, this.#bytesSent)
  }

  /**
   * Whether a response written past Node would be taken for another one, or for part of it: one was begun, waits behind earlier ones (then it has no
   * socket yet), or belongs to a request that came to its end, so that what is wrong is a later one.
   */
  isAnswering(socket: Socket): boolean {
    const last = this.#last.get(socket)
    if (last === undefined || last.closed) return false
    return last.headersSent || last.socket === null || last.req.complete
  }

  close(doors: readonly Door[], graceMs: number): Promise<void> {
    this.#closing ??= this.#close(doors, graceMs)
    return this.#closing
  }

  async #close(doors: readonly Door[], graceMs: number): Promise<void> {
    const breakOff = setTimeout(() => {
      for (const socket of this.#last.keys()) socket.destroy()
    }, graceMs)
    for (const response of this.#last.values()) if (response?.closed === false) this.#endAfter(response)
    await Promise.all(doors.map((door) => closeDoor(door)))
    clearTimeout(breakOff)
  }

  #endAfter(response: ServerResponse): void {
    response.once('close', () => this.#endIdle())
  }

  #endIdle(): void {
    for (const [socket, last] of this.#last) if (last === undefined || last.closed) socket.destroySoon()
  }
}
