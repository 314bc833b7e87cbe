import type { Job, JobKind, JobProgress } from '../routes/administration.ts'
import type { Clock } from '../storage/clock.ts'
import { StoreClosedError } from '../storage/errors.ts'
import type { Log } from './log.ts'
import { problemOf } from './problems.ts'

/** How many jobs that ended are remembered. */
const KEPT = 100
/** A follower hears no more often than this, milliseconds. */
const PACE_MS = 250
/** And no less often, so that no proxy in between takes the connection for dead; milliseconds. */
const KEEP_ALIVE_MS = 15_000

/** What a job's work is given. */
export interface JobContext {
  /** Aborted when it is cancelled, or the server shuts down. */
  readonly signal: AbortSignal
  /** Says how far it is; cheap. */
  readonly report: (progress: JobProgress) => void
}

export interface JobEnd {
  readonly result: object
  /** False: it stopped early, since it was told to. */
  readonly isComplete: boolean
}

interface Tracked {
  job: Job
  readonly cancelling: AbortController
  readonly listeners: Set<() => void>
}

/** Long operations, which belong to the server rather than to the client that asked for them. In memory: none survives a restart. */
export class Jobs {
  readonly #clock: Clock
  readonly #log: Log
  /** In the order of their start. */
  readonly #jobs = new Map<string, Tracked>()
  /** In the order of their end: the one that ended first is forgotten first, so that clients have time to see how each ended. */
  readonly #ended = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  #isClosing = false

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock
    this.#log = log
  }

  /** Starts work that rejects where it fails, or where it is cancelled and has nothing to tell. Throws {@link StoreClosedError} at shutdown. */
  start(kind: JobKind, work: (context: JobContext) => Promise<JobEnd>): Job {
    if (this.#isClosing) throw new StoreClosedError()
    const id = crypto.randomUUID()
    const startedAt = this.#clock()
    const tracked: Tracked = {
      job: {
        id,
        kind,
        state: 'running',
        startedAt,
        endedAt: undefined,
        progress: {},
        result: undefined,
        error: undefined,
      },
      cancelling: new AbortController(),
      listeners: new Set(),
    }
    this.#jobs.set(id, tracked)
    const running = this.#run(tracked, work).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return tracked.job
  }

  findRunning(kind: JobKind): Job | undefined {
    return [...this.#jobs.values()].find(({ job }) => job.kind === kind && job.state === 'running')?.job
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id)?.job
  }

  /** The newest first. */
  list(): readonly Job[] {
    return [...this.#jobs.values()].map(({ job }) => job).toReversed()
  }

  /** See {@link Administration.cancelJob}. */
  cancel(id: string): Job | undefined {
    const tracked = this.#jobs.get(id)
    tracked?.cancelling.abort(new Error('the job was cancelled'))
    return tracked?.job
  }

  /** See {@link Administration.watchJob}. */
  watch(id: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Job> | undefined {
    const tracked = this.#jobs.get(id)
    return tracked && follow(tracked, signal)
  }

  /** Cancels all; those that follow them hear of their end. */
  cancelAll(): void {
    this.#isClosing = true
    for (const { cancelling } of this.#jobs.values()) cancelling.abort(new Error('Arbor is shutting down'))
  }

  /** Cancels all, and waits until none runs. */
  async close(): Promise<void> {
    this.cancelAll()
    await Promise.all(this.#running)
  }

  async #run(tracked: Tracked, work: (context: JobContext) => Promise<JobEnd>): Promise<void> {
    const { id, kind } = tracked.job
    const { signal } = tracked.cancelling
    const report = (progress: JobProgress): void => {
      // Work that was under way when the job ended may still report.
      if (tracked.job.state === 'running') update(tracked, { progress })
    }
    this.#log.info({ job: id, kind }, 'job started')
    try {
      const { result, isComplete } = await work({ signal, report })
      this.#end(tracked, { state: isComplete ? 'done' : 'cancelled', result })
    } catch (error) {
      if (signal.aborted) return this.#end(tracked, { state: 'cancelled' })
      const { code, title, detail, status } = problemOf(error)
      this.#log[status >= 500 ? 'error' : 'warn']({ err: error, job: id, kind }, 'job failed')
      const told = code === 'ERR_INTERNAL' ? `The log of the server has more under the job's id, ${id}.` : detail
      this.#end(tracked, { state: 'failed', error: { code, title, detail: told } })
    }
  }

  #end(tracked: Tracked, end: Pick<Job, 'state'> & Partial<Job>): void {
    update(tracked, { ...end, endedAt: this.#clock() })
    const { id, kind, state } = tracked.job
    this.#log.info({ job: id, kind, state }, 'job ended')
    this.#ended.add(id)
    const [oldest] = this.#ended
    if (this.#ended.size <= KEPT || oldest === undefined) return
    this.#ended.delete(oldest)
    this.#jobs.delete(oldest)
  }
}

function update(tracked: Tracked, change: Partial<Job>): void {
  tracked.job = { ...tracked.job, ...change }
  for (const listener of tracked.listeners) listener()
}

async function* follow(tracked: Tracked, signal: AbortSignal): AsyncGenerator<Job> {
  while (!signal.aborted) {
    const told = tracked.job
    yield told
    if (told.state !== 'running') return
    await until(tracked, (job) => job !== told, { ms: KEEP_ALIVE_MS, signal })
    await until(tracked, (job) => job === told || job.state !== 'running', { ms: PACE_MS, signal })
  }
}

/** Resolves when the job is as wanted, when the time is up, or when nobody waits any more. */
function until(
  tracked: Tracked,
  isMet: (job: Job) => boolean,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      tracked.listeners.delete(check)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const check = (): void => {
      if (signal.aborted || isMet(tracked.job)) finish()
    }
    const timer = setTimeout(finish, ms)
    tracked.listeners.add(check)
    signal.addEventListener('abort', finish)
    check()
  })
}
