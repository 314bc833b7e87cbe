import type { MessagePort } from 'node:worker_threads'
import type { Blake3 } from '../digest.ts'
import { ArchiveRefusedError } from '../errors.ts'
import type { RefusalReason } from '../model.ts'
import type { StagedFile } from '../blobs/blob-store.ts'
import type { Flat, FlatWork } from './flat.ts'
import type { SharedContents } from './unpack-share.ts'

/** From a thread to the main one: which of these does the store have? Or: is there a second thread for this wheel? */
export type Question =
  { readonly kind: 'find'; readonly id: number; readonly blake3s: readonly Blake3[] } | { readonly kind: 'help' }

/** From the main thread. */
export type Answer =
  | { readonly kind: 'found'; readonly id: number; readonly stored: readonly Blake3[] }
  /** The line to a second thread; undefined where there is none to spare. */
  | { readonly kind: 'helper'; readonly port: MessagePort | undefined }
  | { readonly kind: 'stop' }

/** From a wheel's first thread to its second. */
export type Order =
  | { readonly kind: 'unpack'; readonly work: FlatWork }
  /** The first thread has the files now. */
  | { readonly kind: 'taken' }

/** From a wheel's second thread to its first. */
export type Report =
  | {
      readonly kind: 'unpacked'
      readonly contents: SharedContents
      readonly staged: readonly StagedFile[]
      readonly placed: Flat
    }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** An error, in values that keep their fields between threads. */
export type Failure =
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly detail: string
      readonly path: string | undefined
    }
  | { readonly kind: 'failed'; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

/** What came of a job. */
export type Outcome<Result> = { readonly kind: 'done'; readonly result: Result } | Failure

/** Of an error that is no refusal, the message and the plain fields are kept (`code`, `path` …). */
export function toFailure(error: unknown): Failure {
  if (error instanceof ArchiveRefusedError) {
    return { kind: 'refused', reason: error.reason, detail: error.detail, path: error.path }
  }
  if (!(error instanceof Error)) return { kind: 'failed', message: String(error), fields: {} }
  const fields = Object.entries(error).filter(([, value]) => typeof value === 'string' || typeof value === 'number')
  return { kind: 'failed', message: error.message, fields: Object.fromEntries(fields) }
}

/** The error that a failure stands for. */
export function toError(failure: Failure): Error {
  if (failure.kind === 'failed') return Object.assign(new Error(failure.message), failure.fields)
  return new ArchiveRefusedError(failure.reason, failure.detail, failure.path)
}
