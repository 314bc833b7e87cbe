import type { MessagePort } from 'node:worker_threads'
import type { FindStored } from './blob-writer.ts'
import type { Answer, Question } from './messages.ts'

/** A thread's line to the main one, which knows the catalog and the other threads. Close it. */
export class MainLine {
  readonly #port: MessagePort
  readonly #stopping = new AbortController()
  readonly #waiting = new Map<number, (stored: readonly string[]) => void>()
  #helped: ((port: MessagePort | undefined) => void) | undefined
  #count = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (answer: Answer) => this.#hear(answer))
  }

  /** Aborts when the main thread wants no more. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  readonly findStored: FindStored = (blake3s) => {
    const id = (this.#count += 1)
    return this.#ask<ReadonlySet<(typeof blake3s)[number]>>({ kind: 'find', id, blake3s }, (resolve) => {
      this.#waiting.set(id, (stored) => resolve(new Set(stored as typeof blake3s)))
    })
  }

  /** The line to a second thread; undefined where there is none to spare. */
  findHelper(): Promise<MessagePort | undefined> {
    return this.#ask({ kind: 'help' }, (resolve) => (this.#helped = resolve))
  }

  close(): void {
    this.#port.close()
  }

  /** Rejects when the main thread says stop. */
  #ask<Result>(question: Question, listen: (resolve: (result: Result) => void) => void): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    const { signal } = this.#stopping
    signal.throwIfAborted()
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    listen((result) => {
      signal.removeEventListener('abort', stop)
      resolve(result)
    })
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    this.#port.postMessage(question)
    return promise
  }

  #hear(answer: Answer): void {
    if (answer.kind === 'stop') this.#stopping.abort()
    else if (answer.kind === 'helper') {
      // Nobody waits for it any more, and it would wait for ever.
      if (this.#stopping.signal.aborted) answer.port?.close()
      this.#helped?.(answer.port)
    } else {
      this.#waiting.get(answer.id)?.(answer.stored)
      this.#waiting.delete(answer.id)
    }
  }
}
