import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Log } from './log.ts'
import { findRequestId } from './request-id.ts'

/** How much of what a client says of itself is logged. */
const MAX_TEXT = 100

/** Makes what logs each request when its response is over: a line for each, at `info`. */
export function logRequests(log: Log): RequestListener {
  return (request, response) => {
    // Behind others on its connection it gets its socket in its turn. One whose client left before that was never begun, and has no response.
    if (response.socket === null) response.once('socket', () => logAtEnd(log, request, response))
    else logAtEnd(log, request, response)
  }
}

function logAtEnd(log: Log, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const startedAt = performance.now()
  const sentBefore = socket.bytesWritten
  // Not known any more once the connection is closed.
  const client = socket.remoteAddress
  const logNow = (): void =>
    log.info(
      {
        method: request.method,
        path: withoutQuery(request.url ?? ''),
        status: response.headersSent ? response.statusCode : undefined,
        bytes: socket.bytesWritten - sentBefore,
        ms: Math.round((performance.now() - startedAt) * 10) / 10,
        client,
        forwardedFor: shorten(request.headers['x-forwarded-for']?.toString()),
        userAgent: shorten(request.headers['user-agent']),
        requestId: findRequestId(request),
        ...(socket.destroyed && describeCut(socket)),
      },
      'request',
    )
  response.once('close', logNow)
  // Before Node lets the next response write, whose bytes would else be counted with these. It says so of one that is cut short as well.
  response.prependListener('finish', () => {
    if (socket.destroyed) return
    response.off('close', logNow)
    logNow()
  })
}

/** A query may hold a secret, as those of signed URLs do. */
function withoutQuery(target: string): string {
  const start = target.indexOf('?')
  return start === -1 ? target : `${target.slice(0, start)}?***`
}

/** Without the JSON that pip and uv add, which is ten times as long. */
function shorten(text: string | undefined): string | undefined {
  return text?.split(' {', 1)[0]?.slice(0, MAX_TEXT)
}

/** Why the client did not get all of it: it left, or Arbor broke it off (a shutdown, bytes that turned out wrong). */
function describeCut({ readableEnded, errored }: Socket): object {
  return readableEnded || errored !== null ? { left: true } : { brokenOff: true }
}
