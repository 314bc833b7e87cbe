import { type ChildProcess, fork } from 'node:child_process'
import { pinnedNode } from '../../support/paths.ts'

/** Functions that another process offers, by name. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>

/** A process of ours that answers calls, so that its work is not done by the process that measures. */
export class Forked<Offer extends Calls> implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<Error>
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #lastId = 0

  private constructor(script: string) {
    this.#child = fork(script, { execPath: pinnedNode, execArgv: [], serialization: 'advanced' })
    this.#child.on('message', (message) => this.#settle(message as Answer))
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', resolve)
      this.#child.once('exit', (code, signal) => resolve(new Error(`${script} ended with ${signal ?? code}`)))
    })
    void this.#rejectWaiting()
  }

  /** @param script that calls {@link offer}. */
  static start<Offer extends Calls>(script: string): Forked<Offer> {
    return new Forked<Offer>(script)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Throws what the function throws. */
  call<Name extends keyof Offer & string>(
    name: Name,
    argument: Parameters<Offer[Name]>[0],
  ): Promise<Awaited<ReturnType<Offer[Name]>>> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.#child.send({ id, name, argument }, (error) => error && reject(error))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended
  }

  async #rejectWaiting(): Promise<void> {
    const error = await this.#ended
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #settle({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(error)
  }
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: Error
}

/** In the other process: answers calls until the one that started it ends, then ends as well. */
export function offer(calls: Calls): void {
  process.on('message', (message) => void answer(calls, message as { id: number; name: string; argument: never }))
  process.once('disconnect', () => process.exit(0))
}

async function answer(calls: Calls, message: { id: number; name: string; argument: never }): Promise<void> {
  const { id, name, argument } = message
  try {
    process.send?.({ id, result: await calls[name]?.(argument) })
  } catch (error) {
    process.send?.({ id, error })
  }
}
