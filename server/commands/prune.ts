import * as v from 'valibot'
import type { Config } from '../config.ts'
import { AdminError, askServer } from './admin-client.ts'
import { outline, printable, showBytes } from './outline.ts'

export interface PruneOptions {
  readonly server?: URL | undefined
  readonly json: boolean
  /** Without it nothing is deleted. */
  readonly execute: boolean
  readonly maxBytes?: number | undefined
  /** Milliseconds. */
  readonly unusedForMs?: number | undefined
  readonly maxFiles?: number | undefined
  /** Bytes of the disk. */
  readonly minFree?: number | undefined
  /** As typed; the server says what is wrong with them. */
  readonly only?: { readonly [Part in 'index' | 'project' | 'sha256']?: string | undefined }
}

const answerSchema = v.looseObject({
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
  }),
  outcome: v.optional(v.looseObject({})),
})

type Answer = v.InferOutput<typeof answerSchema>

/** `arbor prune`: what would go, or with `execute` what went, as text. Throws {@link AdminError}. */
export async function renderPrune(config: Config, options: PruneOptions): Promise<string> {
  const { server, json, execute, maxBytes, maxFiles, minFree, unusedForMs, only = {} } = options
  const unusedFor = unusedForMs === undefined ? undefined : `${unusedForMs}ms`
  const isSelective = Object.values(only).some((part) => part !== undefined)
  const body = { dryRun: !execute, maxBytes, maxFiles, minFree, unusedFor, only: isSelective ? only : undefined }
  const answer = await askServer(config, { method: 'POST', path: 'admin/prune', body, server })
  if (json) return `${JSON.stringify(answer, undefined, 2)}\n`
  const parsed = v.safeParse(answerSchema, answer)
  if (!parsed.success) throw new AdminError('the server answered with something else than a prune plan')
  return renderAnswer(parsed.output)
}

function renderAnswer({ plan, outcome }: Answer): string {
  const { distributions, ...totals } = plan
  const rows = distributions.map(({ project = '', version = '', filename, sha256, reason, freedBytes }) => {
    const name = project === '' ? (filename ?? sha256) : `${project} ${version}`
    return `${printable(name).padEnd(40)}  ${showBytes(freedBytes).padStart(9)}  ${printable(reason)}\n`
  })
  const summary = { distributions: distributions.length, ...totals }
  const end = outcome === undefined ? 'Nothing was deleted: add --execute to do it.\n' : `Deleted:\n${outline(outcome)}`
  return `${rows.join('')}${rows.length === 0 ? '' : '\n'}${outline(summary)}\n${end}`
}
