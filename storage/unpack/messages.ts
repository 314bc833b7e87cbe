import type { Blake3 } from '../digest.ts'
import { ArchiveRefusedError } from '../errors.ts'
import type { RefusalReason } from '../model.ts'
import type { UnpackResult } from './unpack-wheel.ts'

/** From the thread: which of these does the store have? */
export interface Question {
  readonly id: number
  readonly blake3s: readonly Blake3[]
}

/** To the thread. */
export type Answer =
  { readonly kind: 'stored'; readonly id: number; readonly stored: readonly Blake3[] } | { readonly kind: 'stop' }

/** What came of a job, in values that keep their fields between threads. */
export type Outcome =
  | { readonly kind: 'unpacked'; readonly result: UnpackResult }
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly message: string
      readonly path: string | undefined
    }
  | { readonly kind: 'failed'; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

/** An error as an outcome. Of one that is no refusal, the message and the plain fields are kept (`code`, `path` …). */
export function toOutcome(error: unknown): Outcome {
  if (error instanceof ArchiveRefusedError) {
    return { kind: 'refused', reason: error.reason, message: error.message, path: error.path }
  }
  if (!(error instanceof Error)) return { kind: 'failed', message: String(error), fields: {} }
  const fields = Object.entries(error).filter(([, value]) => typeof value === 'string' || typeof value === 'number')
  return { kind: 'failed', message: error.message, fields: Object.fromEntries(fields) }
}

/** The result, or the error that the outcome stands for, thrown. */
export function fromOutcome(outcome: Outcome): UnpackResult {
  if (outcome.kind === 'unpacked') return outcome.result
  if (outcome.kind === 'failed') throw Object.assign(new Error(outcome.message), outcome.fields)
  const { reason, message, path } = outcome
  // The error puts the path before its message again.
  const named = path === undefined ? '' : `${JSON.stringify(path)}: `
  throw new ArchiveRefusedError(reason, message.slice(named.length), path)
}
