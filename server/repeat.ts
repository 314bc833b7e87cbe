/** Work that is repeated until this is closed. */
export interface Repetition {
  /** Aborts the signal that the work was given, and waits for the turn that runs. */
  close(): Promise<void>
}

/**
 * Does `work` every so many milliseconds, the first time after as many. A turn that comes while the last one runs is left out. Keeps no
 * process alive. @param onError Told what a turn failed with.
 */
export function repeat(
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  onError: (error: unknown) => void,
): Repetition {
  const ending = new AbortController()
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work(ending.signal)
      .catch(onError)
      .finally(() => (running = undefined))
  }, intervalMs)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      ending.abort(new Error('Arbor is shutting down'))
      await running
    },
  }
}
