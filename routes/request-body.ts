import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { RouteError } from './errors.ts'

/** Refuses a longer body, before it is read where its length is known. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError() {
      throw new RouteError('ERR_BODY_TOO_LARGE', `The body has more than ${maxBytes} bytes.`)
    },
  })
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
