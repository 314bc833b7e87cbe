import { createWriteStream } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'

export interface RawResponse {
  /** As sent: not decoded. */
  readonly body: Buffer
  /** In lower case. */
  readonly headers: IncomingMessage['headers']
}

/** One GET; the body stays in the coding it came in. Throws unless it is answered with 200. */
export async function fetchRaw(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawResponse> {
  const response = await open(url, headers)
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  return { body: Buffer.concat(chunks), headers: response.headers }
}

/** The same, with the body in a file. Returns the headers. */
export async function saveRaw(url: string, file: string): Promise<RawResponse['headers']> {
  const response = await open(url, {})
  await pipeline(response, createWriteStream(file))
  return response.headers
}

async function open(url: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, headers }, resolve).once('error', reject)
  })
  if (response.statusCode === 200) return response
  response.resume()
  throw new Error(`${url} answered ${response.statusCode}`)
}

/** What another server has to say to send the same: all but what belongs to the connection and to the moment. */
export function copyHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const own = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || own.has(name) ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
