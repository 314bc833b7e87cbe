import { createHash } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'

export interface Download {
  /** Milliseconds from the request to the first byte of the body. */
  readonly firstByteMs: number
  /** Milliseconds from the request to the last byte. */
  readonly totalMs: number
  readonly bytes: number
  readonly sha256: string
}

/** Downloads as an installer does: one request on a new connection, redirects followed. Throws where it does not end well. */
export async function download(url: string, signal: AbortSignal): Promise<Download> {
  const started = performance.now()
  const response = await ask(url, signal)
  const hash = createHash('sha256')
  let firstByteMs = Number.NaN
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes === 0) firstByteMs = performance.now() - started
    bytes += chunk.length
    hash.update(chunk)
  }
  const totalMs = performance.now() - started
  return { firstByteMs, totalMs, bytes, sha256: hash.digest('hex') }
}

async function ask(url: string, signal: AbortSignal, redirects = 5): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, headers: { 'Accept-Encoding': 'identity' }, signal }, resolve).once('error', reject)
  })
  const { statusCode = 0, headers } = response
  if (statusCode === 200) return response
  response.resume()
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined && redirects > 0) {
    return ask(new URL(headers.location, url).href, signal, redirects - 1)
  }
  throw new Error(`${url} answered ${statusCode}`)
}
