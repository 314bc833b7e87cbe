import { setTimeout } from 'node:timers/promises'
import { type ProcessLock, takeProcessLock } from './catalog/process-lock.ts'
import type { Io } from './io.ts'

/** How soon who waits for another process looks again, milliseconds. */
const POLL_MS = 50

/**
 * Has the lock at `path` to itself, among all processes, until it is disposed of: for work that need not be done by each of them. Waits for whoever has it;
 * one that dies gives it up. Undefined where no lock is to be had, since the work is done twice rather than not at all. Rejects with the signal's reason.
 */
export async function claim(io: Io, path: string, signal: AbortSignal): Promise<AsyncDisposable | undefined> {
  for (;;) {
    signal.throwIfAborted()
    const lock = tryLock(path)
    if (lock !== 'held') return lock && { [Symbol.asyncDispose]: () => giveUp(io, path, lock) }
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

/** While it is held, so that nobody else's is removed. */
async function giveUp(io: Io, path: string, lock: ProcessLock): Promise<void> {
  // Windows removes no file that is open.
  if (process.platform === 'win32') lock.release()
  await io.remove(path).catch(() => {}) // best effort: the next process to open the store sweeps it
  lock.release()
}
