import type { Distribution } from '../../storage/model.ts'
import { Flight, type FlightOptions, type Flown } from './flight.ts'

/** The downloads that run, by what tells their bytes from others, and by where they come from: one for each, whoever asks by whatever URL of ours. */
export class Flights {
  readonly #options: FlightOptions
  readonly #joinable = new Map<string, Flight>()
  /** All that run, also those that cannot be joined any more. */
  readonly #all = new Set<Promise<void>>()

  constructor(options: FlightOptions) {
    this.#options = options
  }

  /** How many run. */
  get size(): number {
    return this.#all.size
  }

  /** Those that run and can be joined. */
  list(): readonly Flight[] {
    return [...this.#joinable.values()]
  }

  /** The download of these bytes from there, if one runs that can be joined. */
  find(key: string): Flight | undefined {
    const flight = this.#joinable.get(key)
    return flight?.isJoinable === true ? flight : undefined
  }

  /** Whether a download of the bytes with this SHA-256 runs that can be joined, from wherever. */
  isFetching(sha256: string): boolean {
    return this.#joinable.values().some((flight) => flight.sha256 === sha256 && flight.isJoinable)
  }

  /** Joins the download of these bytes, or starts it; `onKept` is called once, when what was started here is in the store. */
  join(key: string, flown: Flown, onKept: (distribution: Distribution) => void): Flight {
    const running = this.find(key) ?? this.#findVerified(flown.listed.hashes['sha256'])
    if (running !== undefined) {
      running.addSighting(flown.sighting)
      return running
    }
    const flight = new Flight(flown, this.#options)
    this.#joinable.set(key, flight)
    const landing = this.#watch(key, flight, onKept).finally(() => this.#all.delete(landing))
    this.#all.add(landing)
    return flight
  }

  /** Waits until a download of the bytes with this digest is stored, or none runs; and for those whose bytes are all there, but not yet stored. */
  async settleFor(digest: string): Promise<void> {
    const own = this.list().filter(({ sha256 }) => sha256 === digest)
    const landing = this.list().filter(({ isLanding }) => isLanding)
    await Promise.all([
      Promise.any(own.map((flight) => awaitStored(flight))).catch(() => {}),
      ...landing.map((flight) => flight.awaitLanding()),
    ])
  }

  /** Waits until none runs. */
  async settle(): Promise<void> {
    while (this.#all.size > 0) await Promise.all(this.#all)
  }

  /** A download of these bytes, from wherever, that has them all: they were checked. */
  #findVerified(sha256: string | undefined): Flight | undefined {
    const isIt = (flight: Flight): boolean => flight.sha256 === sha256 && flight.isLanding && flight.isJoinable
    return sha256 === undefined ? undefined : this.#joinable.values().find(isIt)
  }

  async #watch(key: string, flight: Flight, onKept: (distribution: Distribution) => void): Promise<void> {
    const distribution = await flight.landed
    if (distribution !== undefined) onKept(distribution)
    // Last, so that there is no moment at which the file is neither in flight nor stored.
    if (this.#joinable.get(key) === flight) this.#joinable.delete(key)
  }
}

/** Rejects where nothing is kept. */
async function awaitStored(flight: Flight): Promise<void> {
  if ((await flight.awaitLanding()) === undefined) throw new Error('nothing was kept')
}
