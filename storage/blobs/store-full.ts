import { StoreFullError } from '../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission to write in the data folder is denied',
  EPERM: 'writing in the data folder is not permitted',
}

/** A {@link StoreFullError} in place of node's error where it means that nothing more can be kept; any other error as it is. */
export function asStoreError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reason = typeof code === 'string' ? REASONS[code] : undefined
  return reason === undefined ? error : new StoreFullError(`${reason} (${String(code)})`, { cause: error })
}

/** Runs disk work whose errors are to be {@link asStoreError}s. */
export async function asStoreErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw asStoreError(error)
  }
}
