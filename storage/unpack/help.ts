import type { MessagePort } from 'node:worker_threads'
import { ArchiveFile } from '../archive/archive-file.ts'
import type { SyncIo } from '../io.ts'
import { BlobWriter, type FindStored } from './blob-writer.ts'
import { flattenPlaces, workOf } from './flat.ts'
import { type Order, type Report, toFailure } from './messages.ts'
import type { UnpackMemory } from './unpack-memory.ts'
import { unpackShare, type Work } from './unpack-share.ts'

export interface HelpJob {
  readonly wheelPath: string
  /** What the paths of the files that are written begin with. */
  readonly staging: string
}

export interface HelpOptions {
  readonly findStored: FindStored
  readonly memory: UnpackMemory
  readonly signal: AbortSignal
}

/**
 * Does what a wheel's first thread asks for on `leader`, until that closes, or `signal` aborts before its share is done. Files that the leader did not
 * take are removed. Never rejects: the leader is told.
 */
export async function helpUnpack(io: SyncIo, job: HelpJob, leader: MessagePort, options: HelpOptions): Promise<void> {
  const leaving = new AbortController()
  const signal = AbortSignal.any([options.signal, leaving.signal])
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
  const tell = (report: Report): void => leader.postMessage(report)
  const assistant = new Assistant(io, job, { ...options, signal, tell })
  const { promise: left, resolve: leave } = Promise.withResolvers<undefined>()
  leader.on('message', (order: Order) => assistant.obey(order))
  leader.on('close', () => leave(undefined))
  const stop = (): void => {
    // With all done it goes when the leader does, who may have done all, too, and takes the files.
    if (!assistant.isDone) leader.close()
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  await left
  leaving.abort()
  await assistant.end()
}

interface AssistantOptions extends HelpOptions {
  readonly tell: (report: Report) => void
}

class Assistant {
  readonly #io: SyncIo
  readonly #job: HelpJob
  readonly #options: AssistantOptions
  #unpacking: Promise<void> = Promise.resolve()
  #isDone = false
  #writer: BlobWriter | undefined

  constructor(io: SyncIo, job: HelpJob, options: AssistantOptions) {
    this.#io = io
    this.#job = job
    this.#options = options
  }

  /** Whether the leader was told what came of its share. */
  get isDone(): boolean {
    return this.#isDone
  }

  obey(order: Order): void {
    if (order.kind === 'unpack') this.#unpacking = this.#unpack(workOf(order.work))
    else this.#writer = undefined
  }

  /** Waits for what runs, which the signal has stopped. */
  async end(): Promise<void> {
    await this.#unpacking
    await this.#writer?.abandon()
  }

  async #unpack(work: Work): Promise<void> {
    const { findStored, memory, signal, tell } = this.#options
    const writer = new BlobWriter(this.#io, { prefix: this.#job.staging, findStored, memory })
    this.#writer = writer
    let file: ArchiveFile | undefined
    try {
      file = new ArchiveFile(this.#io, this.#job.wheelPath)
      const contents = await unpackShare(file, work, { threads: 2, writer, memory, signal })
      const { staged, placed } = await writer.finish()
      this.#isDone = true
      tell({ kind: 'unpacked', contents, staged, placed: flattenPlaces(placed) })
    } catch (error) {
      this.#tellOf(error)
    } finally {
      if (file !== undefined) this.#closeWheel(file)
    }
  }

  #tellOf(error: unknown): void {
    this.#options.tell({ kind: 'failed', failure: toFailure(error) })
  }

  #closeWheel(file: ArchiveFile): void {
    try {
      file.close()
    } catch (error) {
      this.#tellOf(error)
    }
  }
}
