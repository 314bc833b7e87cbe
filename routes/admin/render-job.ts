import type { Job } from '../administration.ts'

/** What is not yet known is left out. */
export function renderJob({ startedAt, endedAt, ...job }: Job): object {
  return {
    ...job,
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
  }
}
