import type { ServerResponse } from 'node:http'

/** Numbers of responses, by the class of their status. */
export type ResponseTally = Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', number>>

/** Counts responses once they have a status; one that a client did not wait for may have none, and is not counted. */
export class ResponseCounts {
  /** By the first digit. */
  readonly #counts = new Float64Array(10)
  readonly #countAtEnd: (this: ServerResponse) => void

  constructor() {
    const count = (response: ServerResponse): void => this.#count(response)
    // One function for all responses.
    this.#countAtEnd = function countAtEnd() {
      count(this)
    }
  }

  /** To be called for each response, when its request was handed over: what comes from memory has its status by then, and needs no listener. */
  note(response: ServerResponse): void {
    if (response.headersSent) this.#count(response)
    else response.on('close', this.#countAtEnd)
  }

  /** Forgets what was counted. */
  clear(): void {
    this.#counts.fill(0)
  }

  tally(): ResponseTally {
    const [, , success = 0, redirect = 0, fault = 0, failure = 0] = this.#counts
    return { '2xx': success, '3xx': redirect, '4xx': fault, '5xx': failure }
  }

  #count({ headersSent, statusCode }: ServerResponse): void {
    if (headersSent) this.#counts[Math.floor(statusCode / 100)]! += 1
  }
}
