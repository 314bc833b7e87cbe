import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'

/** One part of a server, by the name that the log has for it. */
export type Ending = readonly [name: string, end: () => Promise<unknown>]

/**
 * Ends one part after the other; once the time is up, the rest is left as it is, and the log says where it stood. Rejects as the first
 * that fails in time.
 */
export async function endInTurn(
  endings: readonly Ending[],
  options: { readonly limitMs: number; readonly log: Log },
): Promise<void> {
  let at = ''
  const endAll = async (): Promise<void> => {
    for (const [name, end] of endings) {
      at = name
      await end()
    }
  }
  const { limitMs, log } = options
  if (await isDoneWithin(limitMs, endAll())) return
  log.warn({ at, limitMs }, 'ended without waiting for what was going on: the next start takes it up')
}

/** Resolves when `work` does, or the time is up: then with false. Rejects as `work` does before. */
export async function isDoneWithin(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController()
  const timeUp = delay(limitMs, false, { signal: over.signal }).catch(() => false) // Aborted, once it no longer matters.
  try {
    return await Promise.race([work.then(() => true), timeUp])
  } finally {
    over.abort()
  }
}
