import type { MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'

export interface ThreadPoolOptions {
  /** What the threads run. */
  readonly file: URL
  /** Threads that stay when nothing is to be done. */
  readonly minThreads: number
  readonly maxThreads: number
  /** Threads beyond these end when they had nothing to do for so long, milliseconds. */
  readonly idleTimeoutMs: number
}

export interface TaskOptions {
  /** The function that does it. */
  readonly name: string
  /** The module that exports it, if not the threads' own file. */
  readonly file?: URL
  /** Ports in the task, which become the thread's own. */
  readonly transferList?: readonly MessagePort[]
}

/**
 * Worker threads that begin with the first task. If one cannot begin, for want of descriptors or memory, the process goes on: waiting tasks are rejected,
 * and the next one gets other threads. Close it.
 */
export class ThreadPool<Task, Result> {
  readonly #options: ThreadPoolOptions
  #pool: Piscina<Task, Result> | undefined

  constructor(options: ThreadPoolOptions) {
    this.#options = options
  }

  /** Rejects as the function does, or where there is no thread. */
  run(task: Task, { name, file, transferList = [] }: TaskOptions): Promise<Result> {
    // piscina takes the type of the list from the DOM's `postMessage`.
    const options = { name, transferList: transferList as never }
    return this.#open().run(task, file === undefined ? options : { ...options, filename: file.href })
  }

  /** Has the threads that stay begin now. */
  start(): void {
    this.#open()
  }

  /** Ends the threads; what they were doing is rejected. */
  async close(): Promise<void> {
    await this.#pool?.destroy()
  }

  #open(): Piscina<Task, Result> {
    if (this.#pool !== undefined) return this.#pool
    const { file, minThreads, maxThreads, idleTimeoutMs } = this.#options
    const pool = new Piscina<Task, Result>({
      filename: file.href,
      minThreads,
      maxThreads,
      idleTimeout: idleTimeoutMs,
      // An idle thread that blocks until its next task would keep the memory of its last one.
      atomics: 'disabled',
      recordTiming: false,
    })
    pool.on('error', () => {
      if (this.#pool === pool) this.#pool = undefined
      void pool.destroy()
    })
    return (this.#pool = pool)
  }
}
