import { setImmediate } from 'node:timers/promises'

/** How long a long piece of work may keep the event loop from others at a time, milliseconds. */
const TURN_MS = 5

/** Lets others have a turn now and then during long synchronous work: `if (pace.isDue) await pace.rest()`. */
export class Pace {
  #since = performance.now()

  get isDue(): boolean {
    return performance.now() - this.#since > TURN_MS
  }

  async rest(): Promise<void> {
    await setImmediate()
    this.#since = performance.now()
  }
}
