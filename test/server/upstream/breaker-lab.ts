import assert from 'node:assert/strict'
import { UpstreamError } from '../../../server/errors.ts'
import { openLog } from '../../../server/log.ts'
import { Breaker } from '../../../server/upstream/breaker.ts'

export const HOST = 'http://index.example'
export const page = (name: string): URL => new URL(`${HOST}/simple/${name}/`)

export interface Answer {
  readonly retryAfterSeconds?: number
  readonly body?: UpstreamError
  /** Bytes of the body, and how long they take. */
  readonly bytes?: number
  readonly takes?: number
}

export interface Lab {
  readonly breaker: Breaker
  readonly log: { readonly level: string; readonly msg: string }[]
  pass(ms: number): void
  /** One request; resolves to its status, or to the code of what was thrown: for it, or by its body. */
  ask(url: URL, outcome?: number | Error, options?: Answer): Promise<number | string>
  /** How many requests got through to the host. */
  sent(): number
}

export function openLab(): Lab {
  let now = 1_000_000
  let sent = 0
  const log: Lab['log'] = []
  const write = (line: string): void => void log.push(JSON.parse(line) as Lab['log'][number])
  const breaker = new Breaker({ clock: () => now, log: openLog('info', { write }), random: () => 0.5 })
  return {
    breaker,
    log,
    pass: (ms) => (now += ms),
    sent: () => sent,
    async ask(url, outcome = 200, { retryAfterSeconds, body, bytes = 1000, takes = 0 } = {}) {
      try {
        const attempt = breaker.admit(url)
        sent += 1
        try {
          if (outcome instanceof Error) throw outcome
          attempt.answered(outcome, retryAfterSeconds)
          attempt.received(bytes)
          now += takes
          if (body !== undefined) throw body
          attempt.finished()
          return outcome
        } catch (error) {
          attempt.failed(error)
          throw error
        }
      } catch (error) {
        if (error instanceof UpstreamError) return error.code
        throw error
      }
    },
  }
}

export function unreached(code = 'ECONNREFUSED'): UpstreamError {
  const cause = Object.assign(new Error(code), { code })
  return new UpstreamError('ERR_UPSTREAM_UNAVAILABLE', `${HOST}: ${code}`, { cause })
}

/** Five failures that last. */
export async function openCircuit(lab: Lab): Promise<void> {
  for (const name of ['a', 'b', 'c', 'd']) await lab.ask(page(name), 503)
  lab.pass(3000)
  assert.equal(await lab.ask(page('e'), 503), 503)
  assert.equal(lab.breaker.conditions()[0]?.state, 'open')
}
