import { NO_STORE, READ_HEADERS } from './headers.ts'

/** A response with its `Content-Length`, so that HEAD (for which hono drops the body) says the same as GET. */
export function reply(text: string, headers: Readonly<Record<string, string>>, status = 200): Response {
  const bytes = Buffer.from(text)
  return new Response(bytes, { status, headers: { ...headers, 'Content-Length': String(bytes.length) } })
}

/** JSON for whoever asks. */
export function replyJson(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  const all = { ...READ_HEADERS, 'Content-Type': 'application/json', 'Cache-Control': NO_STORE, ...headers }
  return reply(`${JSON.stringify(value)}\n`, all, status)
}
