import * as v from 'valibot'
import type { Config } from '../config.ts'
import { AdminError, type AdminRequest, askServer, openResponse } from './admin-client.ts'
import type { Surroundings } from './command-line/surroundings.ts'
import { type JobAnswer, parseJob, renderProgress, renderResult } from './job-answer.ts'
import { formatJson } from './outline.ts'
import { describeShortfall, shortfallSchema } from './shortfall.ts'

/** Ctrl-C while a command followed a job, which goes on. */
export class InterruptedError extends Error {
  readonly code = 'ERR_INTERRUPTED'
}

export interface JobOptions extends Pick<Surroundings, 'print' | 'showProgress' | 'watchInterrupt'> {
  readonly json: boolean
  /** Do not wait for the end. */
  readonly detach: boolean
}

/** Starts a job (or asks for one), and follows it to its end. Throws {@link AdminError} where it does not do all it should. */
export async function runJob(config: Config, request: AdminRequest, options: JobOptions): Promise<void> {
  const job = parseJob(await askServer(config, request))
  const isFollowed = !options.detach && job.state === 'running'
  const end = isFollowed ? await follow(config, job, request.server, options) : job
  const told = request.method === 'DELETE' ? ', told to end' : ''
  const text = end.state === 'running' ? `${end.id}  ${renderProgress(end)}${told}\n` : renderResult(end)
  options.print(options.json ? formatJson(end) : text)
  // Also of one that has ended by now, or the exit code would depend on how fast it was.
  if (!options.detach) requireSuccess(end)
}

async function follow(
  config: Config,
  { id }: JobAnswer,
  server: URL | undefined,
  { showProgress, watchInterrupt }: JobOptions,
): Promise<JobAnswer> {
  const signal = watchInterrupt()
  const goesOn = `the job goes on: "arbor jobs ${id}" says how far it is, with --cancel it ends`
  try {
    const path = `admin/jobs/${id}`
    const response = await openResponse(config, { method: 'GET', path, accept: 'text/event-stream', server, signal })
    for await (const job of jobsIn(response)) {
      if (job.state !== 'running') return job
      showProgress(renderProgress(job))
    }
    throw new AdminError(`the server said no more. If it runs, ${goesOn}`)
  } catch (cause) {
    if (signal.aborted) throw new InterruptedError(goesOn, { cause })
    if (cause instanceof AdminError) throw cause
    throw new AdminError(`the connection broke off. If the server runs, ${goesOn}`, { cause })
  }
}

/** Each event's data (WHATWG HTML §9.2.6); ours are one line. */
async function* jobsIn({ body }: Response): AsyncGenerator<JobAnswer> {
  let rest = ''
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('data: ')) yield parseJob(JSON.parse(line.slice('data: '.length)))
  }
}

/** What a job's result counts that should be zero. */
const SHORTFALLS = ['failed', 'notHealed'] as const

function requireSuccess({ kind, state, result = {} }: JobAnswer): void {
  if (state !== 'done') throw new AdminError(`the ${kind} ${state === 'failed' ? 'failed' : 'was cancelled'}`)
  for (const name of SHORTFALLS) {
    const count = result[name]
    if (typeof count === 'number' && count > 0)
      throw new AdminError(`${count} ${name === 'failed' ? 'failed' : 'could not be healed'}`)
  }
  const { shortfall } = result
  if (v.is(shortfallSchema, shortfall)) throw new AdminError(`the limits are not met: ${describeShortfall(shortfall)}`)
}
