import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { type ArchiveLimits, DEFAULT_LIMITS } from './archive/policy.ts'
import { asStoreError } from './blobs/store-full.ts'
import { StoreClosedError } from './errors.ts'
import type { FindStored } from './unpack/blob-writer.ts'
import type { TarGzLayout } from './tar/tar-gz-layout.ts'
import type { LayOutJob } from './tar/thread.ts'
import { type Answer, fromOutcome, type Outcome, type Question } from './unpack/messages.ts'
import type { ThreadJob } from './unpack/thread.ts'
import type { UnpackResult } from './unpack/unpack-wheel.ts'

export type { UnpackResult } from './unpack/unpack-wheel.ts'

/** Threads that nothing was asked of for so long end, milliseconds; one stays. */
const IDLE_TIMEOUT_MS = 60_000

/** Makes trees of wheels in worker threads. */
export interface Unpacker {
  /**
   * Unpacks the wheel at `wheelPath`, whose bytes nobody may change meanwhile. The staged files are the caller's, to adopt or to discard. On an
   * error there are none. Rejects with {@link ArchiveRefusedError}, {@link StoreFullError}, {@link StoreClosedError}, the signal's reason, or
   * the error of the disk.
   */
  unpack(wheelPath: string, options?: { readonly signal?: AbortSignal }): Promise<UnpackResult>
  /** How the tree of a wheel that was found good becomes a `.tar.gz`. Rejects as {@link unpack} does. */
  layOutTarGz(wheelPath: string): Promise<TarGzLayout>
  /** Stops what runs, which then rejects with {@link StoreClosedError}, and ends the threads. */
  close(): Promise<void>
}

export interface UnpackerOptions {
  /** A new path that nobody else uses; the files that are written begin with it. */
  readonly stage: () => string
  readonly findStored: FindStored
  readonly limits?: Partial<ArchiveLimits>
  /** Wheels that are unpacked at the same time. */
  readonly threads?: number
}

export function createUnpacker(options: UnpackerOptions): Unpacker {
  return new ThreadedUnpacker(options)
}

class ThreadedUnpacker implements Unpacker {
  readonly #options: UnpackerOptions
  readonly #limits: ArchiveLimits
  readonly #pool: Piscina<ThreadJob | LayOutJob, Outcome | TarGzLayout>
  readonly #running = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(options: UnpackerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    const maxThreads = options.threads ?? availableParallelism()
    this.#pool = new Piscina({
      filename: new URL('./unpack/thread.ts', import.meta.url).href,
      name: 'unpackInThread',
      minThreads: 1,
      maxThreads,
      idleTimeout: IDLE_TIMEOUT_MS,
      // An idle thread that blocks until its next task would keep the memory of its last one.
      atomics: 'disabled',
      recordTiming: false,
    })
  }

  async unpack(wheelPath: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<UnpackResult> {
    const ended = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])])
    ended.throwIfAborted()
    const running = this.#run(wheelPath, ended)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async layOutTarGz(wheelPath: string): Promise<TarGzLayout> {
    this.#closing.signal.throwIfAborted()
    const filename = new URL('./tar/thread.ts', import.meta.url).href
    const job: LayOutJob = { wheelPath, limits: this.#limits }
    return (await this.#pool.run(job, { filename, name: 'layOutInThread' })) as TarGzLayout
  }

  async close(): Promise<void> {
    this.#closing.abort(new StoreClosedError('the store is closed'))
    await Promise.allSettled(this.#running)
    await this.#pool.destroy()
  }

  async #run(wheelPath: string, signal: AbortSignal): Promise<UnpackResult> {
    const { port1, port2 } = new MessageChannel()
    const line = new QuestionLine(port1, this.#options.findStored)
    const stop = (): void => line.stop()
    signal.addEventListener('abort', stop, { once: true })
    const job = { wheelPath, staging: this.#options.stage(), limits: this.#limits, port: port2 }
    try {
      // piscina takes the type of the list from the DOM's `postMessage`.
      return fromOutcome((await this.#pool.run(job, { transferList: [port2] as never })) as Outcome)
    } catch (error) {
      signal.throwIfAborted()
      throw line.failure ?? asStoreError(error)
    } finally {
      signal.removeEventListener('abort', stop)
      port1.close()
    }
  }
}

/** Answers one thread's questions. */
class QuestionLine {
  /** Why a question could not be answered: what stopped the thread. */
  failure: unknown
  readonly #port: MessagePort

  constructor(port: MessagePort, findStored: FindStored) {
    this.#port = port
    port.on('message', ({ id, blake3s }: Question) => {
      findStored(blake3s).then(
        (stored) => this.#answer({ kind: 'stored', id, stored: [...stored] }),
        (error: unknown) => {
          this.failure = error
          this.stop()
        },
      )
    })
  }

  stop(): void {
    this.#answer({ kind: 'stop' })
  }

  #answer(answer: Answer): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    this.#port.postMessage(answer)
  }
}
