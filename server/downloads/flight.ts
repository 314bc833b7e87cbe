import type { Clock } from '../../storage/clock.ts'
import { type Digests, isHashAlgorithm } from '../../storage/digest.ts'
import { DigestMismatchError, LengthMismatchError } from '../../storage/errors.ts'
import type { Distribution, ListedFile, Sighting } from '../../storage/model.ts'
import type { Spool } from '../../storage/spool.ts'
import type { Store } from '../../storage/store.ts'
import type { WhenAbandoned } from '../config/notation.ts'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { redactUrl } from '../redact.ts'
import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import type { RetryPolicy } from '../upstream/retry.ts'
import { fill } from './fill.ts'
import { openFile } from './open-file.ts'
import type { Progress } from './part-or-whole.ts'
import type { Room } from './room.ts'

export interface FlightOptions {
  readonly upstream: Upstream
  readonly store: Store
  readonly room: Room
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: RetryPolicy
  /** What becomes of a download when the last client has left it. */
  readonly whenAbandoned: WhenAbandoned
  /** Shutdown. */
  readonly signal: AbortSignal
}

/** What is to be downloaded, and what it must turn out to be. */
export interface Flown {
  readonly target: Target
  readonly listed: ListedFile
  readonly sighting: Sighting
  /** Looks once more: it may have been stored since the caller found nothing. */
  readonly findStored: () => Promise<Distribution | undefined>
}

/**
 * One download, from upstream into the store, whoever follows it. It starts at once. Its spool fails for the readers, and nothing is kept,
 * where the bytes are not those that the index promises.
 */
export class Flight {
  /**
   * Upstream's headers came: readers can follow. Undefined: there is nothing to follow, since upstream has no such file, or it is stored
   * already, and then {@link landed} has it. Rejects where it cannot be had.
   */
  readonly started: Promise<Spool | undefined>
  /** All is over: kept and committed (a distribution), or not (undefined; the log says why). Never rejects. */
  readonly landed: Promise<Distribution | undefined>
  readonly #flown: Flown
  readonly #options: FlightOptions
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  readonly #sightings: Sighting[]
  #spool: Spool | undefined
  #answeredAt = 0
  #isAwaited = false
  #failure: Error | undefined

  constructor(flown: Flown, options: FlightOptions) {
    this.#flown = flown
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#stopping.signal])
    this.#sightings = [flown.sighting]
    const { promise, resolve, reject } = Promise.withResolvers<Spool | undefined>()
    promise.catch(() => {}) // Whoever asked handles it; a flight that nobody waits for any more must not end the process.
    this.started = promise
    this.landed = this.#fly(resolve).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error), { cause: error })
      reject(error)
      this.#report(error)
      return undefined
    })
  }

  /** False: it is being stopped, or some of its bytes were not kept, which a new follower would miss. */
  get isJoinable(): boolean {
    return !this.#signal.aborted && (this.#spool?.isWhole ?? true)
  }

  /** Clients have all its bytes, but the store may not yet. */
  get isLanding(): boolean {
    return this.#spool?.isReleased ?? false
  }

  /** Why nothing landed; undefined also where upstream has no such file. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Once nothing landed: upstream has other bytes than its page lists, or none. Otherwise the download itself was in trouble. */
  get contradictsPage(): boolean {
    const failure = this.#failure
    if (failure instanceof UpstreamError) return failure.code === 'ERR_UPSTREAM_FILE'
    return failure === undefined || failure instanceof DigestMismatchError || failure instanceof LengthMismatchError
  }

  /** Undefined where the index lists none. */
  get sha256(): string | undefined {
    return this.#flown.listed.hashes['sha256']
  }

  /** Where it was seen first by who asked. */
  get sighting(): Sighting {
    return this.#flown.sighting
  }

  /** Bytes of the file, once upstream has said so. */
  get size(): number | undefined {
    return this.#spool?.size
  }

  get progress(): Progress {
    const { clock } = this.#options
    if (this.#spool === undefined) return { received: 0, runningMs: 0 }
    return { received: this.#spool.received, runningMs: Math.max(0, clock() - this.#answeredAt) }
  }

  /** The same bytes are listed there, too: noted when they are kept. */
  addSighting(sighting: Sighting): void {
    if (!this.#sightings.some((noted) => isSame(noted, sighting))) this.#sightings.push(sighting)
  }

  /** As {@link landed}, for a caller that needs the file stored: the download then goes on also without clients. */
  awaitLanding(): Promise<Distribution | undefined> {
    this.#isAwaited = true
    return this.landed
  }

  async #fly(takeOff: (spool: Spool | undefined) => void): Promise<Distribution | undefined> {
    const { target, listed } = this.#flown
    const { upstream, store, room, policy, clock } = this.#options
    const stored = await this.#flown.findStored()
    const response =
      stored === undefined
        ? await openFile(upstream, target, policy, { from: 0, ifRange: undefined, signal: this.#signal })
        : undefined
    if (response === undefined) {
      takeOff(undefined)
      return stored
    }
    try {
      checkLength(listed, response)
      const size = response.size ?? listed.size
      using reservation = await room.reserve(size, () => this.#spool?.received ?? 0)
      this.#spool = await store.createSpool({
        size,
        algorithms: algorithmsFor(listed),
        refusal: reservation.refusal,
        makeRoom: (bytes) => reservation.extendTo(bytes),
        onDeserted: () => this.#stopIfAbandoned(),
      })
      this.#answeredAt = clock()
      // An empty file has no last byte to withhold: its clients wait until the digest is checked.
      if (size !== 0) takeOff(this.#spool)
      const distribution = await this.#land(this.#spool, response)
      takeOff(undefined)
      return distribution
    } catch (error) {
      response.discard()
      throw error
    }
  }

  async #land(spool: Spool, response: UpstreamFile): Promise<Distribution> {
    const { listed, target } = this.#flown
    const { upstream, store } = this.#options
    try {
      const isUnhashed = Object.keys(listed.hashes).length === 0
      await fill(spool, response, { upstream, target }, { ...this.#options, signal: this.#signal, isUnhashed })
      const digests = await spool.seal()
      checkDigests(listed, digests)
      spool.release()
      const distribution = await store.keep(spool, digests, this.#flown.sighting)
      // The loop also gets to sightings that are added while it runs.
      for (const sighting of this.#sightings) {
        if (sighting !== this.#flown.sighting) await store.catalog.addSighting(digests.sha256, sighting)
      }
      return distribution
    } catch (error) {
      spool.fail(error)
      await store.discard(spool).catch(() => {}) // Best effort: the next start sweeps it, and the first error is the one to report.
      throw error
    } finally {
      const { index, project } = this.#flown.sighting
      this.#options.metrics.traffic.note(index, project, { bytesFromUpstream: spool.received })
      await spool.detach()
    }
  }

  #stopIfAbandoned(): void {
    if (this.#options.whenAbandoned === 'continue') return
    // Not at once: a client that joined in this turn of the event loop may be about to follow.
    setImmediate(() => {
      if (this.#isAwaited || this.#spool?.followers !== 0 || this.isLanding) return
      this.#stopping.abort(new Error('every client has left'))
    })
  }

  #report(error: unknown): void {
    const { log, metrics } = this.#options
    const url = redactUrl(this.#flown.target.url)
    if (this.isLanding) {
      metrics.downloads.notKept += 1
      log.warn({ err: error, url }, 'served, but not kept')
    } else if (this.#signal.aborted) {
      log.info({ url, reason: String(this.#signal.reason) }, 'download stopped')
    } else {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_INTERNAL'
      metrics.downloads.failed[code] = (metrics.downloads.failed[code] ?? 0) + 1
      log.warn({ err: error, url }, 'download failed')
    }
  }
}

function isSame(left: Sighting, right: Sighting): boolean {
  return left.index === right.index && left.project === right.project && left.filename === right.filename
}

function checkLength(listed: ListedFile, { size }: UpstreamFile): void {
  if (size === undefined || listed.size === undefined || size === listed.size) return
  const cause = new LengthMismatchError(listed.filename, listed.size, size)
  throw new UpstreamError('ERR_UPSTREAM_FILE', cause.message, { cause })
}

/** An index that lists a SHA-256 is held to it; one that lists weaker digests only, to all of them. */
function algorithmsFor(listed: ListedFile): string[] {
  if (listed.hashes['sha256'] !== undefined) return []
  return Object.keys(listed.hashes).filter(isHashAlgorithm)
}

function checkDigests(listed: ListedFile, digests: Digests): void {
  for (const [algorithm, actual] of digests.hexes) {
    const expected = listed.hashes[algorithm]
    if (expected !== undefined && expected !== actual) {
      throw new DigestMismatchError(listed.filename, `${algorithm}:${expected}`, `${algorithm}:${actual}`)
    }
  }
}
