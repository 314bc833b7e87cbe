import { StoreFormatError, StoreFullError } from '../../storage/errors.ts'
import { ConfigError } from '../config/mistakes.ts'
import { ListenError } from '../listen.ts'
import { redactUrl } from '../redact.ts'
import { AdminError, AdminRequestError } from './admin-client.ts'
import { InterruptedError } from './run-job.ts'

/** What went wrong, for a person, and the exit code that goes with it. */
export interface Failure {
  readonly message: string
  /** 2: what was asked for makes no sense; 1: it does, and could not be done; 130: Ctrl-C, as shells have it. */
  readonly exitCode: 1 | 2 | 130
}

/** In clear words for what a user can do something about; with a stack for the rest, which is a bug. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ConfigError || error instanceof AdminRequestError) return { message: error.message, exitCode: 2 }
  if (error instanceof InterruptedError) return { message: error.message, exitCode: 130 }
  const diskTrouble = describeDiskTrouble(error instanceof StoreFullError ? error.cause : error)
  if (diskTrouble !== undefined) return { message: diskTrouble, exitCode: 1 }
  if (error instanceof StoreFullError) return { message: `${error.message}; ${OTHER_FOLDER}`, exitCode: 1 }
  if (isExpected(error)) return { message: error.message, exitCode: 1 }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { message: `unexpected error\n${redactUrl(stack)}`, exitCode: 1 }
}

function isExpected(error: unknown): error is Error {
  return [ListenError, AdminError, StoreFormatError].some((kind) => error instanceof kind)
}

const OTHER_FOLDER = 'another data folder is set with --data or ARBOR_DATA'

const DISK_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'part of the path is no folder',
  EEXIST: 'there is a file where a folder should be',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  EISDIR: 'there is a folder where a file should be',
  ELOOP: 'a symbolic link leads to itself',
  ENAMETOOLONG: 'the name is too long',
}

/** By its primary result codes (https://www.sqlite.org/rescode.html); it says neither which file nor why. */
const SQLITE_REASONS: Readonly<Record<number, string>> = {
  10: 'SQLite cannot read or write its files in the data folder: its disk is full, or failing',
  14: 'SQLite cannot open its files in the data folder: a folder has the name of one, or the path is longer than it takes',
}

function describeDiskTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const trouble = 'errcode' in error ? SQLITE_REASONS[Number(error.errcode) & 0xff] : describeErrno(error)
  return trouble && `${trouble}; ${OTHER_FOLDER}`
}

function describeErrno({ code, path }: NodeJS.ErrnoException): string | undefined {
  const reason = DISK_REASONS[code ?? '']
  return reason === undefined || path === undefined ? undefined : `cannot use ${path}: ${reason} (${code})`
}
