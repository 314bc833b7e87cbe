import type { Config } from '../config.ts'
import { askServer } from './admin-client.ts'
import { type JobAnswer, parseJobs, renderProgress } from './job-answer.ts'
import { formatJson, printable } from './outline.ts'
import { type JobOptions, runJob } from './run-job.ts'

export interface JobsRequest {
  /** Undefined: all of them. */
  readonly id: string | undefined
  readonly cancel: boolean
  readonly follow: boolean
  readonly server: URL | undefined
}

/** `arbor jobs`: what a server does, or one job, which may be followed or cancelled. Throws {@link AdminError}. */
export async function runJobs(config: Config, request: JobsRequest, options: JobOptions): Promise<void> {
  const { id, cancel, server } = request
  if (id !== undefined) {
    const path = `admin/jobs/${encodeURIComponent(id)}`
    return runJob(config, { method: cancel ? 'DELETE' : 'GET', path, server }, options)
  }
  const answer = await askServer(config, { method: 'GET', path: 'admin/jobs', server })
  if (options.json) return options.print(formatJson(answer))
  const jobs = parseJobs(answer)
  options.print(jobs.length === 0 ? 'no jobs since the start\n' : jobs.map(renderLine).join(''))
}

function renderLine(job: JobAnswer): string {
  const { id, state, startedAt } = job
  return `${printable(id)}  ${printable(startedAt)}  ${printable(state).padEnd(9)}  ${renderProgress(job)}\n`
}
