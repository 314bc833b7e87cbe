import type { Member } from '../archive/archive.ts'
import { isWhole } from '../archive/contents.ts'
import type { Listing } from '../record.ts'

/** A member to unpack. */
export interface Task {
  readonly member: Member
  /** What RECORD says of it; undefined where there is nothing to compare. */
  readonly listing: Listing | undefined
}

/**
 * What one thread unpacks, in the order of the file. Members of equal contents are in one share, so that each blob is written once; and
 * who gets what follows from the archive alone, so that the same wheel gives the same packs.
 */
export type Share = readonly Task[]

export interface Plan {
  readonly first: Share
  /** May be empty. */
  readonly second: Share
  /** Is there enough to do for a second thread? */
  readonly isWorthHelp: boolean
}

/** Of a thread's time, measured; only their proportions matter. Nanoseconds, per member and per byte. */
const MEMBER_NS = 10_000
const INFLATE_NS = 2
/** CRC-32, BLAKE3, writing. */
const STORE_NS = 0.8
/** Of files that are read whole; that of larger ones comes later. */
const RECORD_NS = 0.6

/** Less than this is done sooner than a second thread has begun. */
const MIN_HELP_NS = 20_000_000

/** Shares the members between two threads so that both take equally long. */
export function planShares(tasks: readonly Task[]): Plan {
  const total = tasks.reduce((sum, { member }) => sum + wholeCost(member), 0)
  if (total < MIN_HELP_NS) return { first: tasks, second: [], isWorthHelp: false }
  const planning = new Planning(tasks)
  planning.shareLarge()
  planning.shareWhole()
  planning.keepTwinsTogether()
  return planning.plan()
}

class Planning {
  readonly #tasks: readonly Task[]
  readonly #second = new Set<string>()
  #firstCost = 0
  #secondCost = 0

  constructor(tasks: readonly Task[]) {
    this.#tasks = tasks
  }

  /** The largest first, each to the thread that has less to do; zlib inflates them on threads of its own. */
  shareLarge(): void {
    for (const { member } of this.#large()) {
      const cost = MEMBER_NS + member.size * STORE_NS
      if (this.#firstCost <= this.#secondCost) {
        this.#firstCost += cost
      } else {
        this.#secondCost += cost
        this.#second.add(member.path)
      }
    }
  }

  /** The first ones to the first, the last ones to the second: each thread reads on from where it is. */
  shareWhole(): void {
    const whole = this.#tasks.filter(({ member }) => isWhole(member))
    const total = whole.reduce((sum, { member }) => sum + wholeCost(member), 0)
    let left = (total + this.#secondCost - this.#firstCost) / 2
    for (const { member } of whole) {
      const cost = wholeCost(member)
      left -= cost
      if (left >= 0) {
        this.#firstCost += cost
      } else {
        this.#secondCost += cost
        this.#second.add(member.path)
      }
    }
  }

  /** What has the same checksum and size goes where the first of them is. */
  keepTwinsTogether(): void {
    const isSecondByContents = new Map<string, boolean>()
    for (const { member } of this.#tasks) {
      const contents = `${member.crc32}:${member.size}`
      const isSecond = isSecondByContents.get(contents)
      if (isSecond === undefined) isSecondByContents.set(contents, this.#second.has(member.path))
      else if (isSecond) this.#second.add(member.path)
      else this.#second.delete(member.path)
    }
  }

  plan(): Plan {
    return {
      first: this.#tasks.filter(({ member }) => !this.#second.has(member.path)),
      second: this.#tasks.filter(({ member }) => this.#second.has(member.path)),
      isWorthHelp: this.#secondCost > 0,
    }
  }

  #large(): Task[] {
    return this.#tasks.filter(({ member }) => !isWhole(member)).toSorted((a, b) => b.member.size - a.member.size)
  }
}

function wholeCost({ method, size }: Member): number {
  return MEMBER_NS + size * (STORE_NS + RECORD_NS + (method === 0 ? 0 : INFLATE_NS))
}
