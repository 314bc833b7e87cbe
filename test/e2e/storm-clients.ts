import { createHash } from 'node:crypto'
import { get } from 'node:http'

/** What a client got of one response. */
export interface Got {
  readonly status: number
  readonly bytes: number
  /** Hex; of what came, whole or not. */
  readonly sha256: string
  readonly complete: boolean
}

export interface ClientOptions {
  readonly range?: string
  /** Hangs up once so many bytes have come. */
  readonly leaveAfter?: number
  /** Reads no further than a little until this resolves. */
  readonly restUntil?: Promise<unknown>
  /** By default the body is hashed. */
  readonly hash?: boolean
  /** Called with every chunk's length. */
  readonly onBytes?: (count: number) => void
}

/** Downloads without keeping the body, on a connection of its own. Never rejects. */
export function download(url: string, options: ClientOptions = {}): Promise<Got> {
  const { range, leaveAfter = Infinity, restUntil, hash = true, onBytes } = options
  return new Promise((resolve) => {
    const sha256 = createHash('sha256')
    let bytes = 0
    const finish = (status: number, complete: boolean): void =>
      resolve({ status, bytes, sha256: sha256.digest('hex'), complete })
    const request = get(url, { agent: false, headers: range === undefined ? {} : { range } }, (response) => {
      const status = response.statusCode ?? 0
      if (restUntil !== undefined) {
        response.once('data', () => {
          response.pause()
          void restUntil.then(() => response.resume())
        })
      }
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (hash) sha256.update(chunk)
        onBytes?.(chunk.length)
        if (bytes >= leaveAfter) request.destroy()
      })
      response.once('error', () => {}) // It closes next.
      response.once('close', () => finish(status, response.complete))
    })
    request.once('error', () => finish(0, false))
  })
}

/** `ARBOR_LONG=1`: storms at full size, which take minutes. */
export const isLong = process.env['ARBOR_LONG'] === '1'
