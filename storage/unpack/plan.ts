import type { Member } from '../archive/archive.ts'
import { isWhole } from '../archive/contents.ts'
import type { Listing } from '../record.ts'

/** A member to unpack. */
export interface Task {
  readonly member: Member
  /** What RECORD says of it; undefined where there is nothing to compare. */
  readonly listing: Listing | undefined
}

/** What one thread unpacks, in the order of the file. */
export type Share = readonly Task[]

/**
 * Who gets which members. Those of equal contents go together, so that each blob is written once; and all of it follows from the archive alone,
 * so that the same wheel gives the same packs.
 */
export interface Plan {
  readonly first: readonly Member[]
  /** Empty where there is not enough to do for a second thread. */
  readonly second: readonly Member[]
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
/** Nor is a second thread asked for so little: beside one huge file, for what stands around it. */
const MIN_SECOND_NS = 2_000_000

const MIB = 1024 * 1024

/** Shares the members between two threads so that both take equally long. */
export function planShares(members: readonly Member[]): Plan {
  const alone = { first: members, second: [] }
  const total = members.reduce((sum, member) => sum + wholeCost(member), 0)
  if (total < MIN_HELP_NS) return alone
  const planning = new Planning(members)
  planning.shareLarge()
  planning.shareWhole()
  planning.keepTwinsTogether()
  return planning.secondCost < MIN_SECOND_NS ? alone : planning.plan()
}

class Planning {
  readonly #members: readonly Member[]
  readonly #second = new Set<string>()
  #firstCost = 0
  #secondCost = 0

  constructor(members: readonly Member[]) {
    this.#members = members
  }

  /**
   * The largest first, each to the thread that has less to do. zlib inflates them on threads of its own, and waits for whoever takes what comes out:
   * so one that is half of the wheel has a thread to itself.
   */
  shareLarge(): void {
    for (const member of this.#large()) {
      const cost = storeCost(member)
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
    const whole = this.#members.filter(isWhole)
    const total = whole.reduce((sum, member) => sum + wholeCost(member), 0)
    let left = (total + this.#secondCost - this.#firstCost) / 2
    for (const member of whole) {
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
    const isSecondByContents = new Map<number, boolean>()
    for (const member of this.#members) {
      // Sizes that are the same but for megabytes are taken for twins, too, which does no harm.
      const contents = member.crc32 * MIB + (member.size % MIB)
      const isSecond = isSecondByContents.get(contents)
      if (isSecond === undefined) isSecondByContents.set(contents, this.#second.has(member.path))
      else if (isSecond) this.#second.add(member.path)
      else this.#second.delete(member.path)
    }
  }

  get secondCost(): number {
    return this.#secondCost
  }

  plan(): Plan {
    return {
      first: this.#members.filter(({ path }) => !this.#second.has(path)),
      second: this.#members.filter(({ path }) => this.#second.has(path)),
    }
  }

  #large(): Member[] {
    return this.#members.filter((member) => !isWhole(member)).toSorted((a, b) => b.size - a.size)
  }
}

function wholeCost(member: Member): number {
  return storeCost(member) + member.size * RECORD_NS
}

function storeCost({ method, size }: Member): number {
  return MEMBER_NS + size * (STORE_NS + (method === 0 ? 0 : INFLATE_NS))
}
