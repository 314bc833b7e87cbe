import type { IncomingMessage } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { RouteError } from './errors.ts'

/** Refuses a longer body, before it is read where its length is known. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError() {
      throw tooLarge(maxBytes)
    },
  })
}

/**
 * Reads bodies that anybody may send, of all clients together no more than so many bytes: each has a minute for its own, in which what came of it is in
 * memory.
 */
export class BodyReader {
  readonly #maxBytes: number
  readonly #maxTogether: number
  #held = 0

  constructor({ maxBytes, maxTogether }: { readonly maxBytes: number; readonly maxTogether: number }) {
    this.#maxBytes = maxBytes
    this.#maxTogether = maxTogether
  }

  /** As text (UTF-8). Throws a 413, or a 503 where others have all the room. */
  async read(incoming: IncomingMessage): Promise<string> {
    if (Number(incoming.headers['content-length']) > this.#maxBytes) throw tooLarge(this.#maxBytes)
    const chunks: Buffer[] = []
    let size = 0
    try {
      // Destroyed, it could not be answered any more.
      for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length
        this.#held += chunk.length
        if (size > this.#maxBytes) throw tooLarge(this.#maxBytes)
        if (this.#held > this.#maxTogether) throw new RouteError('ERR_BUSY', 'Ask again, or with a shorter body.')
        chunks.push(chunk)
      }
      return new TextDecoder().decode(Buffer.concat(chunks))
    } finally {
      this.#held -= size
    }
  }
}

/** For bodies of a few fields. */
export const limitJson = limitBody(64 * 1024)

/**
 * A JSON object with none but these keys; an empty body is an empty one. A key that we do not know is an error, lest a misspelt one is
 * taken for one that is not there. Throws a 400 that says what is wrong.
 */
export function parseJsonBody(text: string, keys: readonly string[]): Record<string, unknown> {
  return refuseStrangers(text.trim() === '' ? {} : parseObject(text), keys)
}

/** The record, if it has none but these keys. */
export function refuseStrangers(record: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  const stranger = Object.keys(record).find((key) => !keys.includes(key))
  if (stranger === undefined) return record
  throw badRequest(`${JSON.stringify(stranger)} is unknown; known are ${keys.map((key) => `"${key}"`).join(', ')}.`)
}

export function badRequest(detail: string, options: ErrorOptions = {}): RouteError {
  return new RouteError('ERR_BAD_REQUEST', detail, options)
}

function tooLarge(maxBytes: number): RouteError {
  return new RouteError('ERR_BODY_TOO_LARGE', `The body has more than ${maxBytes} bytes.`)
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw badRequest('The body is not JSON.', { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badRequest('The body is not a JSON object.')
}
