import * as v from 'valibot'
import { parseAnswer } from './admin-client.ts'
import { outline, printable, showBytes } from './outline.ts'

const jobSchema = v.looseObject({
  id: v.string(),
  kind: v.string(),
  state: v.string(),
  startedAt: v.string(),
  progress: v.record(v.string(), v.number()),
  result: v.optional(v.looseObject({})),
  error: v.optional(v.looseObject({ title: v.string(), detail: v.string() })),
})

/** A job as a server tells of it. */
export type JobAnswer = v.InferOutput<typeof jobSchema>

/** Throws {@link AdminError}. */
export function parseJob(answer: unknown): JobAnswer {
  return parseAnswer(jobSchema, answer, 'a job')
}

/** Throws {@link AdminError}. */
export function parseJobs(answer: unknown): readonly JobAnswer[] {
  return parseAnswer(v.object({ jobs: v.array(jobSchema) }), answer, 'jobs').jobs
}

/** One line: what it is, and how far. */
export function renderProgress({ kind, progress }: JobAnswer): string {
  const {
    files,
    totalFiles,
    distributions = files,
    totalDistributions = totalFiles,
    bytes,
    totalBytes,
    ...rest
  } = progress
  const parts = [
    distributions === undefined
      ? []
      : `${distributions}${totalDistributions === undefined ? '' : ` of ${totalDistributions}`} files`,
    bytes === undefined ? [] : `${showBytes(bytes)}${totalBytes === undefined ? '' : ` of ${showBytes(totalBytes)}`}`,
    // Other counts (damaged, failed …) only where they are not zero.
    ...Object.entries(rest).flatMap(([name, count]) => (count === 0 ? [] : `${count} ${name}`)),
  ]
  return printable(`${kind}: ${parts.flat().join(', ') || 'begun'}`)
}

/** What became of it, as lines; lists of what was not done come last. */
export function renderResult({ kind, state, result = {}, error }: JobAnswer): string {
  const entries = Object.entries(result)
  const facts = Object.fromEntries(entries.filter(([, value]) => !Array.isArray(value)))
  const lists = entries.flatMap(([name, value]) => (Array.isArray(value) ? renderList(name, value) : []))
  const why = error === undefined ? '' : `${printable(`${error.title}: ${error.detail}`)}\n`
  return `${printable(`${kind} ${state}`)}\n${why}${outline(facts, { indent: '  ' })}${lists.join('')}`
}

function renderList(name: string, values: readonly unknown[]): string[] {
  if (values.length === 0) return []
  return [`\n${printable(name)}\n`, ...values.map((value) => `  ${renderEntry(value)}\n`)]
}

function renderEntry(value: unknown): string {
  const { entry, reason } = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  return printable(typeof entry === 'string' ? `${entry}: ${String(reason)}` : JSON.stringify(value))
}
