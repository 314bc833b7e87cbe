import { LRUCache } from 'lru-cache'
import type { Clock } from '../../storage/clock.ts'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isHostUnreached } from './failures.ts'

/** So many failures, and no success between them, for so long: a burst of requests that one hiccup strikes is no host in trouble. */
const FAILURES = 5
const LASTING_MS = 3000
/** How long a host in trouble is left alone: at first, and at most; doubled in between, with jitter. */
const REST_MIN_MS = 2000
const REST_MAX_MS = 60_000
/** Pages may name any host. */
const MAX_HOSTS = 1000
/** It says that a server is in trouble; 501 is an answer. */
const isTrouble = (status: number): boolean => status >= 500 && status !== 501

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

interface Host {
  failures: number
  /** When the first request that failed since the last success was sent, or that success came. */
  failingSince: number
  succeededAt: number
  /** URLs that failed though the host was reached. */
  readonly failedUrls: Set<string>
  openUntil: number | undefined
  restMs: number
  /** Of the last failure, without secrets. */
  reason: string
  isProbed: boolean
}

/**
 * A circuit breaker per upstream host. One in trouble (not reached, time-outs, 5xx) is not asked for a while, so that nobody waits for its
 * time-outs and it can recover; then one request at a time is let through, and a success ends it. A URL that fails again and again counts
 * once, while its host is reached: one broken page must not shut off all the others.
 */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #hosts = new LRUCache<string, Host>({ max: MAX_HOSTS })

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Runs one request to the URL's host, and learns from its outcome. Throws {@link UpstreamError} at once where the host is in trouble. */
  async watch<Response extends { readonly statusCode: number }>(
    url: URL,
    send: () => Promise<Response>,
  ): Promise<Response> {
    const host = this.#find(url.origin)
    const isProbe = this.#admit(url.origin, host)
    const sentAt = this.#options.clock()
    try {
      const response = await send()
      if (isTrouble(response.statusCode))
        this.#fail(url, host, { sentAt, isProbe, reason: `status ${response.statusCode}` })
      else this.#succeed(url, host)
      return response
    } catch (error) {
      const isUnreached = isHostUnreached(error)
      if (isUnreached !== undefined)
        this.#fail(url, host, { sentAt, isProbe, isUnreached, reason: error instanceof Error ? error.message : '' })
      throw error
    } finally {
      if (isProbe) host.isProbed = false
    }
  }

  /** The hosts that were asked, those in trouble first. */
  conditions(): HostCondition[] {
    const now = this.#options.clock()
    const conditions = Array.from(this.#hosts.entries(), ([host, { failures, openUntil }]): HostCondition => {
      const state = openUntil === undefined ? 'closed' : now < openUntil ? 'open' : 'half-open'
      return { host, state, failures, openUntil }
    })
    return conditions.toSorted((left, right) => right.failures - left.failures)
  }

  #find(origin: string): Host {
    const known = this.#hosts.get(origin)
    if (known !== undefined) return known
    const host = { ...WELL, succeededAt: 0, failedUrls: new Set<string>() }
    this.#hosts.set(origin, host)
    return host
  }

  /** Is this request the one that tells whether the host is well again? Throws where it may not be sent. */
  #admit(origin: string, host: Host): boolean {
    if (host.openUntil === undefined) return false
    const restMs = host.openUntil - this.#options.clock()
    if (restMs <= 0 && !host.isProbed) return (host.isProbed = true)
    const retryAfterSeconds = Math.max(1, Math.ceil(restMs / 1000))
    const message = `${origin} is asked again in ${retryAfterSeconds} s, since it failed ${host.failures} times (${host.reason})`
    throw new UpstreamError('ERR_UPSTREAM_DOWN', message, { retryAfterSeconds })
  }

  #succeed({ origin }: URL, host: Host): void {
    if (host.openUntil !== undefined) this.#options.log.info({ host: origin }, 'upstream is well again')
    host.failedUrls.clear()
    Object.assign(host, WELL, { succeededAt: this.#options.clock() })
  }

  #fail(
    { origin, href }: URL,
    host: Host,
    failure: { sentAt: number; isProbe: boolean; isUnreached?: boolean; reason: string },
  ): void {
    const { sentAt, isProbe, isUnreached = false, reason } = failure
    // Sent before it opened: that says nothing new.
    if (host.openUntil !== undefined && !isProbe) return
    const { clock, log, random = Math.random } = this.#options
    host.reason = reason
    if (host.failures === 0) host.failingSince = Math.max(sentAt, host.succeededAt)
    if (isUnreached || !host.failedUrls.has(href)) host.failures += 1
    if (!isUnreached && host.failedUrls.size < FAILURES) host.failedUrls.add(href)
    const isLasting = host.failures >= FAILURES && clock() - host.failingSince >= LASTING_MS
    if (!isProbe && !isLasting) return
    host.restMs = isProbe ? Math.min(2 * host.restMs, REST_MAX_MS) : REST_MIN_MS
    host.openUntil = clock() + host.restMs * (0.75 + random() / 2)
    const facts = { host: origin, failures: host.failures, reason, restMs: Math.round(host.openUntil - clock()) }
    log[isProbe ? 'debug' : 'warn'](facts, 'upstream is in trouble, and is not asked for a while')
  }
}

const WELL = { failures: 0, failingSince: 0, openUntil: undefined, restMs: REST_MIN_MS, reason: '', isProbed: false }
