import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type ArchiveLimits, DEFAULT_LIMITS, nameLimits } from './archive/policy.ts'
import type { NamingJob } from './blobs/naming.ts'
import { asStoreError } from './blobs/store-full.ts'
import { StoreClosedError } from './errors.ts'
import { type TaskOptions, ThreadPool } from './thread-pool.ts'
import type { FindStored } from './unpack/blob-writer.ts'
import type { TarGzLayout } from './tar/tar-gz-layout.ts'
import type { LayOutJob } from './tar/thread.ts'
import { type FlatResult, resultOf } from './unpack/flat.ts'
import { type Answer, type Outcome, type Question, toError } from './unpack/messages.ts'
import type { HashThreadJob, HelpThreadJob, UnpackThreadJob } from './unpack/thread.ts'
import type { ListedHash } from './unpack/record-hash.ts'
import type { UnpackResult } from './unpack/unpack-result.ts'

export type { UnpackResult } from './unpack/unpack-result.ts'

/** Idle threads end after so long, milliseconds, all but {@link KEPT_THREADS}. */
const IDLE_TIMEOUT_MS = 60_000

/** As many as one wheel can have: to begin a thread takes as long as to unpack a wheel of some megabytes. */
const KEPT_THREADS = 2

/**
 * They begin so late, unless something is asked of them before, that they slow down neither the start of the server nor an installer that
 * waited for it. Milliseconds.
 */
const START_DELAY_MS = 5000

/** Fewer files are named sooner in this thread than another one can be asked to. */
const MIN_NAMED = 8

/** Makes trees of wheels in worker threads. */
export interface Unpacker {
  /** What it refuses wheels by, see {@link nameLimits}. */
  readonly limits: string
  /**
   * Unpacks the wheel at `wheelPath`, whose bytes nobody may change meanwhile. The staged files are the caller's, to adopt or to discard. On an
   * error there are none. Rejects with {@link ArchiveRefusedError}, {@link StoreFullError}, {@link StoreClosedError}, the signal's reason, or
   * the error of the disk.
   */
  unpack(wheelPath: string, options?: { readonly signal?: AbortSignal }): Promise<UnpackResult>
  /** Whether the file at `path` has the hash that RECORD has of it. Rejects with {@link StoreClosedError} or the error of the disk. */
  hasHash(path: string, listed: ListedHash): Promise<boolean>
  /** How the tree of a wheel that was found good becomes a `.tar.gz`. Rejects as {@link unpack} does. */
  layOutTarGz(wheelPath: string): Promise<TarGzLayout>
  /** Runs {@link nameBlobs} in a thread; undefined where that does not pay, or no thread is free. Rejects with the error of the disk. */
  nameBlobs(job: NamingJob): Promise<void> | undefined
  /** Stops what runs, which then rejects with {@link StoreClosedError}, and ends the threads. */
  close(): Promise<void>
}

export interface UnpackerOptions {
  /** A new path that nobody else uses; the files that are written begin with it. */
  readonly stage: () => string
  readonly findStored: FindStored
  readonly limits?: Partial<ArchiveLimits>
  /** Threads that unpack at the same time: one for each wheel, and for a large one a second. */
  readonly threads?: number
}

export function createUnpacker(options: UnpackerOptions): Unpacker {
  return new ThreadedUnpacker(options)
}

type Job = UnpackThreadJob | HelpThreadJob | HashThreadJob | LayOutJob | NamingJob

class ThreadedUnpacker implements Unpacker {
  readonly limits: string
  readonly #options: UnpackerOptions
  readonly #limits: ArchiveLimits
  readonly #threads: number
  readonly #pool: ThreadPool<Job, unknown>
  readonly #starting: NodeJS.Timeout
  readonly #running = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  /** Tasks that have a thread, or wait for one. */
  #tasks = 0

  constructor(options: UnpackerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.limits = nameLimits(this.#limits)
    this.#threads = options.threads ?? availableParallelism()
    this.#pool = new ThreadPool({
      file: new URL('./unpack/thread.ts', import.meta.url),
      minThreads: Math.min(KEPT_THREADS, this.#threads),
      maxThreads: this.#threads,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    })
    this.#starting = setTimeout(() => this.#pool.start(), START_DELAY_MS).unref()
  }

  async unpack(wheelPath: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<UnpackResult> {
    const ended = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])])
    ended.throwIfAborted()
    return this.#watch(this.#run(wheelPath, ended))
  }

  async hasHash(path: string, { algorithm, hex }: ListedHash): Promise<boolean> {
    this.#closing.signal.throwIfAborted()
    const hashing = this.#give<Outcome<boolean>>({ path, algorithm, hex }, { name: 'hashInThread' })
    // Nobody waits for it at the end: the verdict is made again at the next start.
    const outcome = await hashing.catch((error: unknown) => {
      this.#closing.signal.throwIfAborted()
      throw error
    })
    if (outcome.kind === 'done') return outcome.result
    throw toError(outcome)
  }

  async layOutTarGz(wheelPath: string): Promise<TarGzLayout> {
    this.#closing.signal.throwIfAborted()
    const file = new URL('./tar/thread.ts', import.meta.url)
    const outcome = await this.#give<Outcome<TarGzLayout>>({ wheelPath }, { file, name: 'layOutInThread' })
    if (outcome.kind === 'done') return outcome.result
    throw toError(outcome)
  }

  nameBlobs(job: NamingJob): Promise<void> | undefined {
    const isWorthIt = job.files.length >= MIN_NAMED
    if (!isWorthIt || this.#tasks >= this.#threads || this.#closing.signal.aborted) return undefined
    return this.#watch(this.#nameBlobs(job))
  }

  async close(): Promise<void> {
    this.#closing.abort(new StoreClosedError('the store is closed'))
    clearTimeout(this.#starting)
    await Promise.allSettled(this.#running)
    await this.#pool.close()
  }

  /** {@link close} waits for it. */
  async #watch<Result>(running: Promise<Result>): Promise<Result> {
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #nameBlobs(job: NamingJob): Promise<void> {
    const outcome = await this.#give<Outcome<undefined>>(job, { name: 'nameInThread' })
    if (outcome.kind !== 'done') throw toError(outcome)
  }

  async #run(wheelPath: string, signal: AbortSignal): Promise<UnpackResult> {
    const staging = this.#options.stage()
    const lines: QuestionLine[] = []
    let helping: Promise<unknown> = Promise.resolve()
    const openLine = (startHelper: () => MessagePort | undefined): MessagePort => {
      const { port1, port2 } = new MessageChannel()
      lines.push(new QuestionLine(port1, { findStored: this.#options.findStored, startHelper }))
      return port2
    }
    const startHelper = (): MessagePort | undefined => {
      // It must not wait for a thread: the wheel that it is to help has one.
      if (this.#tasks >= this.#threads) return undefined
      const { port1, port2 } = new MessageChannel()
      const job = { wheelPath, staging: `${staging}-help`, port: openLine(() => undefined), leader: port2 }
      helping = this.#give(job, { name: 'helpInThread', transferList: [job.port, port2] }).finally(() => port2.close())
      helping.catch(() => {}) // it is awaited below
      return port1
    }
    const stop = (): void => lines.forEach((line) => line.stop())
    signal.addEventListener('abort', stop, { once: true })
    try {
      const job = { wheelPath, staging, limits: this.#limits, port: openLine(startHelper) }
      const options = { name: 'unpackInThread', transferList: [job.port] }
      const outcome = await this.#give<Outcome<FlatResult>>(job, options)
      // No file is left behind by either before this rejects.
      await helping
      if (outcome.kind === 'done') return resultOf(outcome.result)
      throw toError(outcome)
    } catch (error) {
      signal.throwIfAborted()
      throw lines.find((line) => line.failure !== undefined)?.failure ?? asStoreError(error)
    } finally {
      signal.removeEventListener('abort', stop)
      for (const line of lines) line.close()
    }
  }

  async #give<Result>(job: Job, options: TaskOptions): Promise<Result> {
    this.#tasks += 1
    try {
      return (await this.#pool.run(job, options)) as Result
    } finally {
      this.#tasks -= 1
    }
  }
}

interface Answers {
  readonly findStored: FindStored
  /** The line to a second thread; undefined where there is none to spare. */
  readonly startHelper: () => MessagePort | undefined
}

/** Answers one thread's questions. Close it. */
class QuestionLine {
  /** Why a question could not be answered: what stopped the thread. */
  failure: unknown
  readonly #port: MessagePort
  readonly #answers: Answers

  constructor(port: MessagePort, answers: Answers) {
    this.#port = port
    this.#answers = answers
    port.on('message', (question: Question) => this.#hear(question))
  }

  stop(): void {
    this.#answer({ kind: 'stop' })
  }

  close(): void {
    this.#port.close()
  }

  #hear(question: Question): void {
    if (question.kind === 'help') {
      const port = this.#answers.startHelper()
      this.#answer({ kind: 'helper', port }, port === undefined ? [] : [port])
      return
    }
    const { id, blake3s } = question
    this.#answers.findStored(blake3s).then(
      (stored) => this.#answer({ kind: 'found', id, stored: [...stored] }),
      (error: unknown) => {
        this.failure = error
        this.stop()
      },
    )
  }

  #answer(answer: Answer, transfer: readonly MessagePort[] = []): void {
    this.#port.postMessage(answer, transfer)
  }
}
