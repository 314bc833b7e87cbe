import { LRUCache } from 'lru-cache'
import type { Clock } from '../../storage/clock.ts'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isHostUnreached } from './failures.ts'
import { WAITED_OUT_SECONDS } from './headers.ts'

/**
 * A host counts as in trouble after so many failures in a row, if they span at least so long: one hiccup may make many requests fail at once.
 */
const FAILURES = 5
const LASTING_MS = 3000
/** How long a host in trouble is left alone: at first, and at most; doubled in between, with jitter. */
const REST_MIN_MS = 2000
const REST_MAX_MS = 60_000
/** A body that breaks off after more than this is no sign of trouble: over a flaky line downloads still get on. Bytes. */
const PROGRESS_BYTES = 1 << 20
/** How many hosts are remembered, since pages may name any number. */
const MAX_HOSTS = 1000
/** Statuses of a server in trouble; 501 is an answer like any other. */
const isTrouble = (status: number): boolean => status >= 500 && status !== 501
/** Statuses with which a server may ask to be left alone. */
const isBusy = (status: number): boolean => status === 429 || status === 503

export interface BreakerOptions {
  readonly clock: Clock
  readonly log: Log
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number
}

/** How it stands with an upstream host. `half-open`: the next request will tell whether it is well again. */
export interface HostCondition {
  /** An origin: `https://files.example`. */
  readonly host: string
  readonly state: 'closed' | 'open' | 'half-open'
  /** Since the last success. */
  readonly failures: number
  /** Milliseconds since the epoch; undefined where it is closed. */
  readonly openUntil: number | undefined
}

/** One request that was admitted: it learns what becomes of it. */
export interface Attempt {
  /** The headers came. */
  answered(status: number, retryAfterSeconds: number | undefined): void
  /** Bytes of the body came. */
  received(bytes: number): void
  /** The body came to its end. */
  finished(): void
  /** There was no answer, or the body broke off. What is no trouble of the host's decides nothing. */
  failed(error: unknown): void
}

interface Host {
  failures: number
  /** When the present row of failures began: when the first of its requests was sent, but not before the last success. */
  failingSince: number
  succeededAt: number
  /** URLs that failed though the host was reached: each counts as one failure. */
  readonly failedUrls: Set<string>
  /** No request is sent until then, and after that one probe. Undefined: all are sent. */
  openUntil: number | undefined
  /** How long it was left alone last time, without jitter; 0 since the last success. */
  restMs: number
  /** Why the last request failed, without secrets. */
  reason: string
  /** It is open because the host asked to be left alone. */
  isAskedFor: boolean
  /** A probe is under way. */
  isProbed: boolean
}

interface Failure {
  /** When something of this request last went well: it was sent, or bytes of its body came. */
  readonly wellUntil: number
  readonly isProbe: boolean
  readonly isUnreached: boolean
  readonly reason: string
}

/**
 * A circuit breaker per upstream host. One in trouble (not reached, time-outs, 5xx, bodies that break off) is not asked for a while, so that
 * nobody waits for its time-outs and it can recover; then one request at a time is let through, and an answer ends it. A URL that fails again
 * and again counts once, while its host is reached: one broken page must not shut off all the others. A host that asks to be left alone
 * (429 or 503 with Retry-After) is, for as long as `answered` is told.
 */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #hosts = new LRUCache<string, Host>({ max: MAX_HOSTS })

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Before a request to this URL is sent. Throws {@link UpstreamError} where it may not be, since the host is in trouble. */
  admit(url: URL): Attempt {
    const { clock } = this.#options
    const host = this.#find(url.origin)
    const isProbe = this.#beginProbe(url.origin, host)
    let wellUntil = clock()
    let bytes = 0
    // A 200 or 206 decides nothing before its body ends: only then is it a success or a failure.
    let isUndecided = true
    return {
      answered: (status, retryAfterSeconds) => {
        if (isProbe) host.isProbed = false
        isUndecided = status === 200 || status === 206
        if (isBusy(status) && retryAfterSeconds !== undefined && retryAfterSeconds > WAITED_OUT_SECONDS) {
          this.#rest(url.origin, host, { status, retryAfterSeconds })
        } else if (isTrouble(status)) {
          this.#fail(url, host, { wellUntil, isProbe, isUnreached: false, reason: `status ${status}` })
        } else if (isUndecided) {
          // Other requests may be sent again, but earlier failures still count until the body is whole.
          this.#close(url.origin, host, isProbe)
        } else this.#succeed(url.origin, host, isProbe)
      },
      received: (length) => {
        bytes += length
        wellUntil = clock()
      },
      finished: () => {
        if (isUndecided) this.#succeed(url.origin, host, isProbe)
      },
      failed: (error) => {
        if (isProbe) host.isProbed = false
        const isUnreached = isHostUnreached(error)
        if (!isUndecided || isUnreached === undefined || bytes >= PROGRESS_BYTES) return
        const reason = error instanceof Error ? error.message : ''
        this.#fail(url, host, { wellUntil, isProbe, isUnreached, reason })
      },
    }
  }

  /** The hosts that were asked, those in trouble first. */
  conditions(): HostCondition[] {
    const conditions = Array.from(this.#hosts.entries(), ([host, { failures, openUntil }]): HostCondition => {
      const state = openUntil === undefined ? 'closed' : this.#restOf(openUntil) > 0 ? 'open' : 'half-open'
      return { host, state, failures, openUntil }
    })
    const isOpen = ({ openUntil }: HostCondition): number => Number(openUntil !== undefined)
    return conditions.toSorted((left, right) => isOpen(right) - isOpen(left) || right.failures - left.failures)
  }

  /** Milliseconds that are left of a rest. None is as long as this would be where the clock was set back meanwhile. */
  #restOf(openUntil: number): number {
    const restMs = Math.max(0, openUntil - this.#options.clock())
    return restMs > 2 * REST_MAX_MS ? 0 : restMs
  }

  #find(origin: string): Host {
    const known = this.#hosts.get(origin)
    if (known !== undefined) return known
    const host = { ...WELL, isProbed: false, succeededAt: 0, failedUrls: new Set<string>() }
    this.#hosts.set(origin, host)
    return host
  }

  /**
   * True: the host's rest is over, and this request is the one that probes whether it is well again. False: the host is well. Throws
   * {@link UpstreamError} where the request may not be sent.
   */
  #beginProbe(origin: string, host: Host): boolean {
    if (host.openUntil === undefined) return false
    const restMs = this.#restOf(host.openUntil)
    if (restMs === 0 && !host.isProbed) return (host.isProbed = true)
    const retryAfterSeconds = Math.max(1, Math.ceil(restMs / 1000))
    const again = `${origin} is asked again in ${retryAfterSeconds} s`
    if (host.isAskedFor) {
      const message = `${again}, since it wants to be left alone (${host.reason})`
      throw new UpstreamError('ERR_UPSTREAM_BUSY', message, { retryAfterSeconds })
    }
    const message = `${again}, since it failed ${host.failures} times (${host.reason})`
    throw new UpstreamError('ERR_UPSTREAM_DOWN', message, { retryAfterSeconds })
  }

  /**
   * Lets all requests through again. False, and nothing is done, where the host asked to be left alone: a request that was sent before that
   * says nothing of it.
   */
  #close(origin: string, host: Host, isProbe: boolean): boolean {
    if (host.isAskedFor && !isProbe) return false
    if (host.openUntil !== undefined) this.#options.log.info({ host: origin }, 'upstream is well again')
    host.openUntil = undefined
    host.isAskedFor = false
    return true
  }

  #succeed(origin: string, host: Host, isProbe: boolean): void {
    if (!this.#close(origin, host, isProbe)) return
    host.failedUrls.clear()
    Object.assign(host, WELL, { succeededAt: this.#options.clock() })
  }

  /** Leaves the host alone for as long as it asks (Retry-After). */
  #rest(origin: string, host: Host, asked: { readonly status: number; readonly retryAfterSeconds: number }): void {
    const openUntil = this.#options.clock() + asked.retryAfterSeconds * 1000
    // Logged once, though fifty requests that were under way may all get that answer.
    if (host.openUntil === undefined || host.openUntil < openUntil - 1000) {
      this.#options.log.warn({ host: origin, ...asked }, 'upstream asks to be left alone, and is')
    }
    host.openUntil = Math.max(openUntil, host.openUntil ?? 0)
    host.isAskedFor = true
    host.reason = `status ${asked.status}`
  }

  #fail({ origin, href }: URL, host: Host, { wellUntil, isProbe, isUnreached, reason }: Failure): void {
    // A request that was sent before the breaker opened: its failure says nothing new.
    if (host.openUntil !== undefined && !isProbe) return
    const { clock, log, random = Math.random } = this.#options
    host.reason = reason
    host.isAskedFor = false
    if (host.failures === 0) host.failingSince = Math.max(wellUntil, host.succeededAt)
    if (isUnreached || !host.failedUrls.has(href)) host.failures += 1
    if (!isUnreached && host.failedUrls.size < FAILURES) host.failedUrls.add(href)
    const isLasting = host.failures >= FAILURES && clock() - host.failingSince >= LASTING_MS
    if (!isProbe && !isLasting) return
    // The rest is doubled each time the breaker opens again without a whole body in between.
    const isAgain = isProbe || host.restMs > 0
    host.restMs = isAgain ? Math.min(2 * Math.max(host.restMs, REST_MIN_MS), REST_MAX_MS) : REST_MIN_MS
    host.openUntil = clock() + host.restMs * (0.75 + random() / 2)
    const facts = { host: origin, failures: host.failures, reason, restMs: Math.round(host.openUntil - clock()) }
    log[isProbe ? 'debug' : 'warn'](facts, 'upstream is in trouble, and is not asked for a while')
  }
}

const WELL = { failures: 0, failingSince: 0, openUntil: undefined, restMs: 0, reason: '', isAskedFor: false } as const
