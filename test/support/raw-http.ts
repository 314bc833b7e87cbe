import { request, type Agent, type IncomingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface Exchange {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False: the response was broken off. */
  readonly complete: boolean
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Keeps connections; by default each request has one of its own. */
  readonly agent?: Agent
}

/** One request with node's own client, which tells whether the response came to its end. The path is sent as it is. */
export function ask(url: string, path: string, options: AskOptions = {}): Promise<Exchange> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, agent = false } = options
    const outgoing = request({ hostname, port, path, method, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      const finish = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          complete: response.complete,
        })
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', finish)
      response.on('error', finish)
    })
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}

export interface RawConnection {
  readonly socket: Socket
  /** All that came so far. */
  received(): string
  /** Resolves once `text` has come. */
  waitFor(text: string): Promise<void>
  /** Resolves when the connection is over: its error's code, if it did not end cleanly. */
  readonly closed: Promise<string | undefined>
}

/** A connection on which a test writes and reads what it wants. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let errorCode: string | undefined
  const waiting = new Set<() => void>()
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    for (const check of waiting) check()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    errorCode = error.code
  })
  const closed = new Promise<string | undefined>((resolve) => {
    socket.on('close', () => resolve(errorCode))
  })
  await new Promise<void>((resolve) => void socket.once('connect', resolve))
  return {
    socket,
    received: () => text,
    closed,
    waitFor: (wanted) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!text.includes(wanted)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        void closed.then(() => reject(new Error(`closed before ${JSON.stringify(wanted)} came`)))
        check()
      }),
  }
}
