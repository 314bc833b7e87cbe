import type { Exchange } from './env.ts'
import { prefersAsync } from './prefer.ts'
import { replyJson } from './reply.ts'
import type { Pending, WheelTreeOptions } from './repository.ts'

/** How soon a client should ask again for what is being fetched or made, seconds: most takes less. */
const RETRY_AFTER = '1'

/** Whether the client wants to wait for what is not there yet. */
export function waitingOptionsOf(c: Exchange): WheelTreeOptions {
  return { respondAsync: prefersAsync(c.env.incoming.headers['prefer']?.toString()) }
}

/** RFC 7240 §4.1: 202, since it is not there yet, and the client prefers to come back for it. */
export function replyPending(): Response {
  const state: Pending = 'pending'
  return replyJson({ state }, { 'Retry-After': RETRY_AFTER, 'Preference-Applied': 'respond-async' }, 202)
}
