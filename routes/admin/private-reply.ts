import type { Job } from '../administration.ts'
import { NO_STORE } from '../headers.ts'
import { reply } from '../reply.ts'
import { renderJob } from './render-job.ts'

/** For the one who holds the token: no other origin's scripts may read it, no cache may keep it. */
export const PRIVATE_HEADERS = { 'Cache-Control': NO_STORE, 'X-Content-Type-Options': 'nosniff' } as const

export function replyPrivately(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  const all = { 'Content-Type': 'application/json', ...PRIVATE_HEADERS, ...headers }
  return reply(`${JSON.stringify(value)}\n`, all, status)
}

export function replyNothing(): Response {
  return new Response(null, { status: 204, headers: PRIVATE_HEADERS })
}

/** Where to ask what becomes of a job. Relative, so that it fits any host, and any path that a proxy puts us under. */
export function replyJob(job: Job): Response {
  return replyPrivately(renderJob(job), 202, { Location: `jobs/${job.id}` })
}
