import type { Distribution } from '../../storage/model.ts'
import { Flight, type FlightOptions, type Flown } from './flight.ts'

/** The downloads that run, by what tells their bytes from others: one for each, whoever asks by whatever URL. */
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

  /** The download of these bytes, if one runs that can be joined. */
  find(key: string): Flight | undefined {
    const flight = this.#joinable.get(key)
    return flight?.isJoinable === true ? flight : undefined
  }

  /** Joins the download of these bytes, or starts it; `onKept` is called once, when what was started here is in the store. */
  join(key: string, flown: Flown, onKept: (distribution: Distribution) => void): Flight {
    const running = this.find(key)
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

  /** Waits for the download of the bytes with this digest, and for those whose bytes are all there, but not yet stored. */
  async settleFor(digest: string): Promise<void> {
    const awaited = [...this.#joinable].filter(([key, flight]) => key === digest || flight.isLanding)
    await Promise.all(awaited.map(([, flight]) => flight.awaitLanding()))
  }

  /** Waits until none runs. */
  async settle(): Promise<void> {
    while (this.#all.size > 0) await Promise.all(this.#all)
  }

  async #watch(key: string, flight: Flight, onKept: (distribution: Distribution) => void): Promise<void> {
    const distribution = await flight.landed
    if (distribution !== undefined) onKept(distribution)
    // Last, so that there is no moment at which the file is neither in flight nor stored.
    if (this.#joinable.get(key) === flight) this.#joinable.delete(key)
  }
}
