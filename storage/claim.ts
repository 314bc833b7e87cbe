import { setTimeout } from 'node:timers/promises'
import { type ProcessLock, takeProcessLock } from './catalog/process-lock.ts'
import type { Io } from './io.ts'

/** How soon who waits for another process looks again, milliseconds. */
const POLL_MS = 50

/** Who has it for so long is taken to hang, milliseconds: the largest wheels take less than a minute. */
const MAX_WAIT_MS = 120_000

export interface ClaimOptions {
  readonly signal: AbortSignal
  readonly maxWaitMs?: number
}

/**
 * Has the lock at `path` to itself, among all processes, until it is disposed of: for work that need not be done by each of them. Waits for
 * whoever has it; one that dies gives it up. Undefined where no lock is to be had, or not in time: the work is done twice rather than not at
 * all. Rejects with the signal's reason.
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
 * Removed while it is held, so that nobody else's is. Who opened it in the instant before may lock what has no name any more, beside the next
 * one who makes it: then the work is done twice.
 */
async function giveUp(io: Io, path: string, lock: ProcessLock): Promise<void> {
  // Windows removes no file that is open.
  if (process.platform === 'win32') lock.release()
  await io.remove(path).catch(() => {}) // best effort: the next process to open the store sweeps it
  lock.release()
}
