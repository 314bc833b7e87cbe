import assert from 'node:assert/strict'
import type { InProcessArbor } from './in-process.ts'

export interface JobJson {
  readonly id: string
  readonly kind: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly progress: Readonly<Record<string, number>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: string }
}

/** One event of a stream of them, as a client takes it apart. */
export interface ServerSentEvent {
  readonly event: string
  readonly job: JobJson
}

type Sender = Pick<InProcessArbor, 'url'>

/** A request to the admin API; a body that is no text is sent as JSON. */
export function administer(
  { url }: Sender,
  method: string,
  path: string,
  options: {
    readonly body?: string | object
    readonly headers?: Record<string, string>
    readonly signal?: AbortSignal
  } = {},
): Promise<Response> {
  const { body, headers, signal } = options
  return fetch(new URL(`/admin/${path}`, url), {
    method,
    headers: { authorization: 'Bearer secret-for-tests', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Starts a job, and returns its id. */
export async function startJob(
  arbor: Sender,
  path: string,
  options: { readonly body?: string | object; readonly headers?: Record<string, string> } = {},
): Promise<string> {
  const response = await administer(arbor, 'POST', path, options)
  const job = (await response.json()) as JobJson
  assert.equal(response.status, 202, JSON.stringify(job))
  const location = new URL(response.headers.get('location') ?? '', response.url)
  assert.equal(location.pathname, `/admin/jobs/${job.id}`)
  return job.id
}

/** Follows a job to its end. */
export async function followJob(arbor: Sender, id: string): Promise<ServerSentEvent[]> {
  const response = await administer(arbor, 'GET', `jobs/${id}`, { headers: { accept: 'text/event-stream' } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const events = (await response.text()).split('\n\n').filter((block) => block !== '' && !block.startsWith(':'))
  return events.map((block) => {
    const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? assert.fail(block)
    return { event, job: JSON.parse(data) as JobJson }
  })
}

/** A job once it has ended. */
export async function endOf(arbor: Sender, id: string): Promise<JobJson> {
  const last = (await followJob(arbor, id)).at(-1)
  assert.equal(last?.event, 'end')
  return last.job
}
