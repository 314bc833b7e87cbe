import { get, type IncomingMessage } from 'node:http'

export interface Download {
  /** Milliseconds from the request to the first byte of the body. */
  readonly firstByteMs: number
  /** Milliseconds from the request to the last byte. */
  readonly totalMs: number
  readonly isRight: boolean
}

/**
 * Downloads as an installer does: one request on a new connection, redirects followed. Compares what comes with what should, which costs
 * hardly anything where a digest would keep many clients waiting for each other. Throws where it does not end well.
 */
export async function download(
  url: string,
  { expected, signal }: { readonly expected: Buffer; readonly signal: AbortSignal },
): Promise<Download> {
  const started = performance.now()
  const response = await ask(url, signal)
  let firstByteMs = Number.NaN
  let position = 0
  let isRight = true
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (position === 0) firstByteMs = performance.now() - started
    isRight &&= chunk.equals(expected.subarray(position, position + chunk.length))
    position += chunk.length
  }
  const totalMs = performance.now() - started
  return { firstByteMs, totalMs, isRight: isRight && position === expected.length }
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
