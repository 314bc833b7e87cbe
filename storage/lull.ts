import { setTimeout } from 'node:timers/promises'

/** It is quiet once nothing has run for so long, milliseconds: between the files of one installation there are shorter gaps. */
const QUIET_MS = 250
/** Nobody waits longer, or a server that is never idle would never do what can wait; milliseconds. */
const MAX_WAIT_MS = 5000

/** Knows when no download runs, so that work that nobody waits for (unpacking, above all) can give way to those that somebody waits for. */
export class Lull {
  readonly #quietMs: number
  readonly #maxWaitMs: number
  readonly #running = new Set<object>()
  #endedAt = -Infinity

  constructor({ quietMs = QUIET_MS, maxWaitMs = MAX_WAIT_MS } = {}) {
    this.#quietMs = quietMs
    this.#maxWaitMs = maxWaitMs
  }

  begin(task: object): void {
    this.#running.add(task)
  }

  /** Ends a task; nothing happens the second time. */
  end(task: object): void {
    if (this.#running.delete(task)) this.#endedAt = performance.now()
  }

  /** Resolves when it is quiet, or was not for too long. Rejects when the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#maxWaitMs
    for (;;) {
      const now = performance.now()
      const quietAt = (this.#running.size > 0 ? now : this.#endedAt) + this.#quietMs
      const pause = Math.min(quietAt, deadline) - now
      if (pause <= 0) return
      await setTimeout(pause, undefined, { signal })
    }
  }
}
