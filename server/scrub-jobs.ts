import type { Job } from '../routes/administration.ts'
import { ScrubRunningError } from '../storage/errors.ts'
import type { ScrubOptions, ScrubOutcome, Store } from '../storage/store.ts'
import type { Jobs } from './jobs.ts'

/** Scrubs as jobs, whoever it is that wants one, so that all can see, follow and end it. */
export class ScrubJobs {
  readonly #jobs: Jobs
  readonly #store: Pick<Store, 'scrub'>

  constructor(jobs: Jobs, store: Pick<Store, 'scrub'>) {
    this.#jobs = jobs
    this.#store = store
  }

  /** Starts a scrub, or returns the one that runs already. */
  start(options: Pick<ScrubOptions, 'bytesPerSecond'>): Job {
    return this.#jobs.findRunning('scrub') ?? this.#start((signals) => ({ ...options, ...signals }))
  }

  /** Resolves at its end. Rejects with {@link ScrubRunningError} where one runs already. */
  async scrub(options: ScrubOptions): Promise<ScrubOutcome> {
    if (this.#jobs.findRunning('scrub') !== undefined) throw new ScrubRunningError()
    const { promise, resolve } = Promise.withResolvers<ScrubOutcome>()
    const { signal } = options
    this.#start((job) => ({ ...options, ...job, signal: AbortSignal.any([signal, job.signal]) }), resolve)
    return promise
  }

  #start(
    complete: (job: Pick<ScrubOptions, 'signal' | 'onProgress'>) => ScrubOptions,
    onBegun: (outcome: Promise<ScrubOutcome>) => void = () => {},
  ): Job {
    return this.#jobs.start('scrub', async ({ signal, report }) => {
      const onProgress: ScrubOptions['onProgress'] = (progress) => report({ ...progress })
      const scrubbing = this.#store.scrub(complete({ signal, onProgress }))
      onBegun(scrubbing)
      const result = await scrubbing
      return { result, isComplete: result.complete }
    })
  }
}
