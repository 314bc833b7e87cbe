import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { RouteError } from '../routes/errors.ts'
import { problemOf, renderProblem } from './problems.ts'
import { requestIdOf } from './request-id.ts'

/**
 * Answers what is no HTTP request, does not become one in time, expects what we do not know, or wants a tunnel, with a problem, and closes its
 * connection. Node's own answer has no body.
 * @param options.isAnswering Whether a response is owed on a connection, or under way: another one would be taken for it, or for part of it.
 */
export function refuseMalformed(server: Server, options: { readonly isAnswering: (socket: Socket) => boolean }): void {
  const refuseUnlessAnswering = (socket: Socket, error: RouteError): void => {
    if (options.isAnswering(socket)) socket.destroy()
    else void refuse(socket, error)
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (socket.writable && error.code !== 'ECONNRESET') refuseUnlessAnswering(socket, errorOf(error))
    else socket.destroy()
  })
  server.on('connect', (_, socket) => refuseUnlessAnswering(socket as Socket, tunnelRefused()))
  // RFC 9110 §10.1.1: anything but 100-continue, to which Node says yes.
  server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => {
    void refuseRequest(response, new RouteError('ERR_EXPECTATION_FAILED', 'A request may expect 100-continue only.'))
  })
}

/** What is wrong with a request's Host header: there has to be one, which a request older than HTTP/1.1 may lack (RFC 9112 §3.2). Undefined: nothing. */
export function findHostFault({ headers, httpVersion, rawHeaders }: IncomingMessage): string | undefined {
  if (headers.host === undefined) return httpVersion === '1.1' ? 'The request has no Host header.' : undefined
  // Node keeps the first, where whoever stands before us may go by the last.
  return countHosts(rawHeaders) === 1 ? undefined : 'The request has more than one Host header.'
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = rawHeaders[place]
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

export function refuseHost(response: ServerResponse, fault: string): void {
  void refuseRequest(response, new RouteError('ERR_BAD_REQUEST', fault))
}

/** Answers in its turn, after earlier requests on the connection. That is then closed, since a body may follow that nobody is going to read. */
async function refuseRequest(outgoing: ServerResponse, error: RouteError): Promise<void> {
  const response = renderProblem(problemOf(error), requestIdOf(outgoing.req))
  const body = await response.text()
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), Connection: 'close' })
  outgoing.end(body)
}

async function refuse(socket: Socket, error: RouteError): Promise<void> {
  const response = renderProblem(problemOf(error), crypto.randomUUID())
  const { status } = response
  const body = await response.text()
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Array.from(response.headers, ([name, value]) => `${name}: ${value}`),
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
  ]
  // Without a listener, what a leaving client makes of a write would end the process.
  socket.on('error', () => {})
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** By the codes of Node's parser. */
function errorOf(cause: NodeJS.ErrnoException): RouteError {
  switch (cause.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new RouteError('ERR_HEAD_TOO_LARGE', 'The head of a request may have 16 KiB.', { cause })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RouteError('ERR_REQUEST_TIMEOUT', 'The request did not come to its end in time.', { cause })
    case 'HPE_INVALID_METHOD':
      return new RouteError('ERR_BAD_REQUEST', 'This is no HTTP request, or its method is none that is known.', {
        cause,
      })
    default:
      return new RouteError('ERR_BAD_REQUEST', 'This is no HTTP request.', { cause })
  }
}

/** RFC 9110 §9.3.6: CONNECT comes from a client to which we were given as its proxy. */
function tunnelRefused(): RouteError {
  const remedy = 'Give its URL to the client as that of an index, not as HTTPS_PROXY.'
  return new RouteError('ERR_METHOD_NOT_ALLOWED', `This is a package index, and no proxy to other hosts. ${remedy}`, {
    headers: { Allow: 'GET, HEAD, OPTIONS' },
  })
}
