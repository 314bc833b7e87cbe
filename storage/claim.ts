import { setTimeout } from 'node:timers/promises'
import { type ProcessLock, takeProcessLock } from './catalog/process-lock.ts'
import type { Io } from './io.ts'

/** How often we look whether another process has given the lock up, milliseconds. */
const POLL_MS = 50

/** A holder that takes longer than this is taken to hang, milliseconds: the largest wheels take less than a minute. */
const MAX_WAIT_MS = 120_000

export interface ClaimOptions {
  readonly signal: AbortSignal
  readonly maxWaitMs?: number
}

/**
 * Takes the lock at `path`, which excludes all other processes until it is disposed of: for work that only one of them need do. Waits for the holder;
 * one that dies gives the lock up. Undefined where the file system has no locks, or the wait was too long: the caller then works without one, since
 * work done twice is better than none. Rejects with the signal's reason.
 */
export async function claim(
  io: Io,
  path: string,
  { signal, maxWaitMs = MAX_WAIT_MS }: ClaimOptions,
): Promise<AsyncDisposable | undefined> {
  const deadline = performance.now() + maxWaitMs
  for (;;) {
    signal.throwIfAborted()
    const lock = tryLock(path)
    if (lock !== 'held') return lock && { [Symbol.asyncDispose]: () => giveUp(io, path, lock) }
    if (performance.now() >= deadline) return undefined
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => {}) // The loop throws the reason.
  }
}

function tryLock(path: string): ProcessLock | 'held' | undefined {
  try {
    const lock = takeProcessLock(path, { create: true })
    return lock === 'absent' ? undefined : lock
  } catch {
    return undefined
  }
}

/**
 * Removes the lock file while we still hold it, so that it cannot be another process's. A process that opened it in the instant before may lock a file
 * that has lost its name, while a third makes a new one: then the work is done twice, which is harmless.
 */
async function giveUp(io: Io, path: string, lock: ProcessLock): Promise<void> {
  // Windows removes no file that is open.
  if (process.platform === 'win32') lock.release()
  await io.remove(path).catch(() => {}) // best effort: the next process to open the store sweeps it
  lock.release()
}
