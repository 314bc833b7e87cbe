import type { Job } from '../administration.ts'

/** A job as JSON: times in ISO 8601, without what is not known yet. */
export function renderJob({ startedAt, endedAt, ...job }: Job): object {
  return {
    ...job,
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
  }
}
