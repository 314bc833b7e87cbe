import * as v from 'valibot'
import type { Config } from '../config.ts'
import { type AdminRequest, askServer, parseAnswer } from './admin-client.ts'
import { formatJson, outline, printable, showBytes } from './outline.ts'
import { type JobOptions, runJob } from './run-job.ts'
import { describeShortfall, shortfallSchema } from './shortfall.ts'

/** What is to go: see `PruneBudget`. */
export interface PruneLimits {
  readonly maxBytes?: number | undefined
  readonly maxFiles?: number | undefined
  /** Bytes of the disk. */
  readonly minFree?: number | undefined
  /** Milliseconds. */
  readonly unusedForMs?: number | undefined
  /** As typed; the server says what is wrong with them. */
  readonly only?: { readonly [Part in 'index' | 'project' | 'sha256']?: string | undefined }
}

const planSchema = v.looseObject({
  plan: v.looseObject({
    distributions: v.array(
      v.looseObject({
        project: v.optional(v.string()),
        version: v.optional(v.string()),
        filename: v.optional(v.string()),
        sha256: v.string(),
        reason: v.string(),
        freedBytes: v.number(),
      }),
    ),
    shortfall: v.optional(shortfallSchema),
  }),
})

/** `arbor prune`: what would go, as text. Throws {@link AdminError}. */
export async function renderPlan(
  config: Config,
  limits: PruneLimits,
  { json, server }: { readonly json: boolean; readonly server?: URL | undefined },
): Promise<string> {
  const answer = await askServer(config, { ...requestOf(limits, { dryRun: true }), server })
  if (json) return formatJson(answer)
  const { distributions, shortfall, ...totals } = parseAnswer(planSchema, answer, 'a prune plan').plan
  const rows = distributions.map(({ project = '', version = '', filename, sha256, reason, freedBytes }) => {
    const name = project === '' ? (filename ?? sha256) : `${project} ${version}`
    return `${printable(name).padEnd(40)}  ${showBytes(freedBytes).padStart(9)}  ${printable(reason)}\n`
  })
  const summary = outline({ distributions: distributions.length, ...totals })
  const isNothing = rows.length === 0 && totals['freedBytes'] === 0
  const end = isNothing ? 'There is nothing to delete.' : 'Nothing was deleted: add --execute to do it.'
  const missing = shortfall === undefined ? '' : `The limits would not be met: ${describeShortfall(shortfall)}.\n`
  return `${rows.join('')}${rows.length === 0 ? '' : '\n'}${summary}\n${missing}${end}\n`
}

/** `arbor prune --execute`: has it deleted, as a job. Throws {@link AdminError}. */
export function runPrune(
  config: Config,
  limits: PruneLimits,
  { server, ...options }: JobOptions & { readonly server: URL | undefined },
): Promise<void> {
  return runJob(config, { ...requestOf(limits, { dryRun: false }), prefer: 'respond-async', server }, options)
}

function requestOf(
  { maxBytes, maxFiles, minFree, unusedForMs, only = {} }: PruneLimits,
  { dryRun }: { readonly dryRun: boolean },
): AdminRequest {
  const unusedFor = unusedForMs === undefined ? undefined : `${unusedForMs}ms`
  const isSelective = Object.values(only).some((part) => part !== undefined)
  const body = { dryRun, maxBytes, maxFiles, minFree, unusedFor, only: isSelective ? only : undefined }
  return { method: 'POST', path: 'admin/prune', body }
}
