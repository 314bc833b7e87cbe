import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** How often what was counted is written, milliseconds: with a crash, so much is lost. */
const INTERVAL_MS = 30_000

interface WriterOptions {
  readonly catalog: Pick<Catalog, 'recordTraffic'>
  readonly metrics: Metrics
  readonly log: Log
}

/** Takes the counters of the traffic to the catalog, now and then, and in the end. */
export class TrafficWriter {
  readonly #options: WriterOptions
  readonly #timer: NodeJS.Timeout
  #writing: Promise<void> = Promise.resolve()

  constructor(options: WriterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.write(), INTERVAL_MS)
    this.#timer.unref()
  }

  /** Resolves when all that was counted until now is written; or lost, where it cannot be. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  close(): Promise<void> {
    clearInterval(this.#timer)
    return this.write()
  }

  async #write(): Promise<void> {
    const { catalog, metrics, log } = this.#options
    const entries = metrics.traffic.take()
    if (entries.length === 0) return
    try {
      await catalog.recordTraffic(entries)
    } catch (error) {
      log.warn({ err: error }, 'counters of the traffic were lost')
    }
  }
}
