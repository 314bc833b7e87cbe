import { type Digests, isHashAlgorithm } from '../../storage/digest.ts'
import { DigestMismatchError, LengthMismatchError, StoreFullError } from '../../storage/errors.ts'
import type { Distribution, ListedFile, Sighting } from '../../storage/model.ts'
import type { Spool } from '../../storage/spool.ts'
import type { Store } from '../../storage/store.ts'
import { UpstreamError } from '../errors.ts'
import type { Log } from '../log.ts'
import { redactUrl } from '../redact.ts'
import type { Target, Upstream, UpstreamFile } from '../upstream.ts'
import { fill } from './fill.ts'
import { openFile, type RetryPolicy } from './open-file.ts'

export interface FlightOptions {
  readonly upstream: Upstream
  readonly store: Store
  readonly log: Log
  readonly policy: RetryPolicy
  readonly onBytes: (count: number) => void
  /** Shutdown. No client's leaving ends a flight. */
  readonly signal: AbortSignal
}

/** What is to be downloaded, and what it must turn out to be. */
export interface Flown {
  readonly target: Target
  readonly listed: ListedFile
  readonly sighting: Sighting
}

/** One download, from upstream into the store, whoever follows it. */
export interface Flight {
  /** Upstream's headers came: readers can follow. Undefined: upstream has no such file. Rejects where it cannot be had. */
  readonly started: Promise<Spool | undefined>
  /** All is over: kept and committed (a distribution), or not (undefined; the log says why). Never rejects. */
  readonly landed: Promise<Distribution | undefined>
  /** False: it has failed, or the disk is full, so that who joins now may have missed bytes that nobody kept. */
  isJoinable(): boolean
  /** Clients have all its bytes, but the store may not yet. */
  isLanding(): boolean
}

/** Starts a download. Its spool fails for the readers, and nothing is kept, where the bytes are not those that the index promises. */
export function startFlight(flown: Flown, options: FlightOptions): Flight {
  const { promise: started, resolve, reject } = Promise.withResolvers<Spool | undefined>()
  started.catch(() => {}) // Whoever asked handles it; a flight that nobody waits for any more must not end the process.
  let spool: Spool | undefined
  const takeOff = (opened: Spool | undefined): void => {
    spool = opened
    resolve(opened)
  }
  const landed = fly(flown, options, takeOff).catch((error: unknown) => {
    reject(error)
    const isServed = error instanceof StoreFullError && spool?.isReleased === true
    const message = isServed ? 'served, but not kept' : 'download failed'
    options.log.warn({ err: error, url: redactUrl(flown.target.url) }, message)
    return undefined
  })
  return {
    started,
    landed,
    isJoinable: () => spool?.isKeepable ?? true,
    isLanding: () => spool?.isReleased ?? false,
  }
}

async function fly(
  flown: Flown,
  options: FlightOptions,
  takeOff: (spool: Spool | undefined) => void,
): Promise<Distribution | undefined> {
  const { upstream, store, policy, signal } = options
  const response = await openFile(upstream, flown.target, policy, { from: 0, ifRange: undefined, signal })
  if (response === undefined) {
    takeOff(undefined)
    return undefined
  }
  const spool = await openSpool(flown.listed, response, store)
  try {
    takeOff(spool)
    await fill(spool, response, { upstream, target: flown.target }, options)
    const digests = await spool.seal()
    checkDigests(flown.listed, digests)
    spool.release()
    return await store.keep(spool, digests, flown.sighting)
  } catch (error) {
    response.discard()
    spool.fail(error)
    await store.discard(spool)
    throw error
  } finally {
    await spool.detach()
  }
}

async function openSpool(listed: ListedFile, response: UpstreamFile, store: Store): Promise<Spool> {
  try {
    if (response.size !== undefined && listed.size !== undefined && response.size !== listed.size) {
      throw new LengthMismatchError(listed.filename, listed.size, response.size)
    }
    return await store.createSpool({ size: response.size ?? listed.size, algorithms: algorithmsFor(listed) })
  } catch (error) {
    response.discard()
    if (error instanceof LengthMismatchError)
      throw new UpstreamError('ERR_UPSTREAM_FILE', error.message, { cause: error })
    throw error
  }
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
