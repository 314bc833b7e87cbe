import type { AtHand } from '../storage/at-hand.ts'
import { hashBlake3 } from '../storage/digest.ts'
import { sendContent } from './body.ts'
import type { ContentReply } from './content-headers.ts'
import type { Exchange } from './env.ts'

/** Sends a text that was just made; its ETag is its BLAKE3. Conditional requests and ranges work as for any content. */
export function sendText(c: Exchange, text: string, options: Omit<ContentReply, 'meter'>): AtHand<Response> {
  const bytes = Buffer.from(text)
  const content = {
    size: bytes.length,
    sha256: undefined,
    blake3: undefined,
    validator: `blake3:${hashBlake3(bytes)}`,
    bytes,
    open: () => Promise.reject(new Error('A text is sent from memory.')),
  }
  return sendContent(c, content, options)
}
