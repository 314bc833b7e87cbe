import type { PruneBudget, PrunePlan } from '../../storage/catalog/catalog.ts'
import type { StoreFullError } from '../../storage/errors.ts'
import { NoRoomError } from '../errors.ts'

/** Left free on the disk for the catalog's log and for unpacking. */
const KEEP_FREE_BYTES = 64 << 20
/** A prune for size goes this far below the limit, so that the next download does not cause the next prune. */
const HEADROOM = 0.9
/** What a download of unknown length is promised at first. Each time it needs more, the promise is doubled, but by no more than the maximum at once. */
const FIRST_STEP_BYTES = 1 << 20
const MAX_STEP_BYTES = 64 << 20

/** What a store tells of its room, and how it is asked for more. */
export interface RoomOptions {
  readonly store: {
    stats(): Promise<{ readonly storedBytes: number; readonly freeBytes: number }>
    planPrune(budget: PruneBudget): Promise<PrunePlan>
  }
  readonly executePrune: (plan: PrunePlan) => Promise<unknown>
  /** The store's own limit. */
  readonly maxBytes: number | undefined
  readonly keepFreeBytes?: number | undefined
  /** Shutdown: who waits for room then is told so. */
  readonly signal?: AbortSignal | undefined
}

/** Room that a download has been promised, until it is disposed of. */
export interface Reservation extends Disposable {
  /** Why there is none; the file is then to be passed on without being kept. */
  readonly refusal: StoreFullError | undefined
  /**
   * To be awaited before the file grows to `bytes`: extends the promise to so many. Resolves with the reason where there is no room; then nothing is
   * promised any more.
   */
  extendTo(bytes: number): Promise<StoreFullError | undefined>
}

interface Reserved {
  bytes: number
  /** How many of them are on the disk already. */
  readonly written: () => number
}

/** Sees to it that what is downloaded at the same time fits together: on the disk, and within the store's limit, by pruning first. */
export class Room {
  readonly #options: RoomOptions
  readonly #reserved = new Set<Reserved>()
  #turns: Promise<unknown> = Promise.resolve()

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /** Reserves `bytes` for a download; one whose length nobody knows is let in, and held to the room as it grows. */
  async reserve(bytes: number | undefined, written: () => number): Promise<Reservation> {
    const reserved: Reserved = { bytes: 0, written }
    return {
      refusal: await this.#extend(reserved, bytes ?? FIRST_STEP_BYTES),
      extendTo: async (end) =>
        end <= reserved.bytes
          ? undefined
          : this.#extend(reserved, Math.max(end - reserved.bytes, Math.min(reserved.bytes, MAX_STEP_BYTES))),
      [Symbol.dispose]: () => void this.#reserved.delete(reserved),
    }
  }

  #extend(reserved: Reserved, bytes: number): Promise<StoreFullError | undefined> {
    // One after the other, so that no two are promised the same room, or prune for it twice.
    const turn = this.#turns.then(async () => {
      this.#options.signal?.throwIfAborted()
      const refusal = await this.#refuse(bytes)
      // A refused file is not kept, so what it has on the disk will go, too.
      this.#reserved.delete(reserved)
      if (refusal !== undefined) return refusal
      reserved.bytes += bytes
      this.#reserved.add(reserved)
      return undefined
    })
    this.#turns = turn.catch(() => {}) // The next one's turn comes whatever became of this one.
    return turn
  }

  async #refuse(bytes: number): Promise<StoreFullError | undefined> {
    const { store, maxBytes, keepFreeBytes = KEEP_FREE_BYTES } = this.#options
    if (maxBytes !== undefined && !(await this.#fitsInto(maxBytes, bytes))) {
      return new NoRoomError(`${bytes} bytes do not fit into the store, which is limited to ${maxBytes}`)
    }
    const { freeBytes } = await store.stats()
    const promised = sum(this.#reserved, (reserved) => Math.max(0, reserved.bytes - reserved.written()))
    if (bytes + promised + keepFreeBytes <= freeBytes) return undefined
    const taken = `${keepFreeBytes} stay free (keep-free)${promised === 0 ? '' : `, and ${promised} are for other downloads`}`
    return new NoRoomError(`${bytes} bytes do not fit on the disk: of ${freeBytes} free ones, ${taken}`)
  }

  async #fitsInto(maxBytes: number, bytes: number): Promise<boolean> {
    const { store, executePrune } = this.#options
    const room = maxBytes - bytes - sum(this.#reserved, (reserved) => reserved.bytes)
    if (room < 0) return false
    if ((await store.stats()).storedBytes <= room) return true
    const plan = await store.planPrune({
      unusedForMs: undefined,
      maxBytes: Math.max(0, room - maxBytes + Math.floor(maxBytes * HEADROOM)),
    })
    // Nothing is thrown away for a file that will not fit all the same.
    if (plan.storedBytes - plan.freedBytes > room) return false
    await executePrune(plan)
    return (await store.stats()).storedBytes <= room
  }
}

function sum(reserved: Iterable<Reserved>, measure: (reserved: Reserved) => number): number {
  return Iterator.from(reserved).reduce((total, one) => total + measure(one), 0)
}
