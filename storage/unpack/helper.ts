import type { MessagePort } from 'node:worker_threads'
import type { WrittenBlobs } from './blob-writer.ts'
import { flattenWork, placesOf } from './flat.ts'
import { type Order, type Report, toError } from './messages.ts'
import type { SharedContents, Work } from './unpack-share.ts'

/** What a share became, in files that are the caller's. */
export interface UnpackedShare {
  readonly contents: SharedContents
  readonly written: WrittenBlobs
}

/**
 * A wheel's second thread, as its first one sees it. Close it: files that were not taken by then it removes. Whatever is waited for
 * rejects when that thread ends.
 */
export class Helper {
  readonly #port: MessagePort
  readonly #unpacked = Promise.withResolvers<UnpackedShare>()
  readonly #gone = Promise.withResolvers<never>()

  constructor(port: MessagePort) {
    this.#port = port
    // Either may reject where nobody waits for it.
    this.#unpacked.promise.catch(() => {})
    this.#gone.promise.catch(() => {})
    port.on('message', (report: Report) => this.#hear(report))
    port.on('close', () => this.#gone.reject(new Error('the second thread has ended')))
  }

  unpack(work: Work): Promise<UnpackedShare> {
    this.#say({ kind: 'unpack', work: flattenWork(work) })
    return Promise.race([this.#unpacked.promise, this.#gone.promise])
  }

  /** The files of its share are the caller's from now on. */
  take(): void {
    this.#say({ kind: 'taken' })
  }

  close(): void {
    this.#port.close()
  }

  #say(order: Order): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    this.#port.postMessage(order)
  }

  #hear(report: Report): void {
    if (report.kind === 'unpacked') {
      const { contents, staged, placed } = report
      this.#unpacked.resolve({ contents, written: { staged, placed: placesOf(placed) } })
    } else {
      const error = toError(report.failure)
      this.#unpacked.reject(error)
      // A refusal is of the share only.
      if (report.failure.kind === 'failed') this.#gone.reject(error)
    }
  }
}
