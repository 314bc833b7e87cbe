import { get, type IncomingMessage } from 'node:http'

export interface RawResponse {
  /** As sent: not decoded. */
  readonly body: Buffer
  /** In lower case. */
  readonly headers: IncomingMessage['headers']
}

/** One GET; the body stays in the coding it came in. Throws unless it is answered with 200. */
export async function fetchRaw(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawResponse> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, headers }, resolve).once('error', reject)
  })
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`)
  return { body: Buffer.concat(chunks), headers: response.headers }
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
