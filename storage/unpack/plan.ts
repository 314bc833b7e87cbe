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
const MEMBER_NS = 9000
const INFLATE_NS = 1.5
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
  if (sumCosts(members) < MIN_HELP_NS) return alone
  const planning = new Planning()
  planning.shareLarge(members.filter((member) => !isWhole(member)))
  planning.shareSmall(members.filter(isWhole))
  const isSecond = keepTwinsTogether(members, planning.second)
  const first = members.filter((_, index) => isSecond[index] === false)
  const second = members.filter((_, index) => isSecond[index] === true)
  return sumCosts(second) < MIN_SECOND_NS ? alone : { first, second }
}

class Planning {
  readonly second = new Set<Member>()
  #firstCost = 0
  #secondCost = 0

  /** The largest first, each to the thread that has less to do. */
  shareLarge(members: readonly Member[]): void {
    const byCost = members.toSorted((one, other) => costOf(other) - costOf(one))
    for (const member of byCost) this.#give(member, this.#secondCost < this.#firstCost)
  }

  /** The first ones to the first, the last ones to the second: each thread reads on from where it is. */
  shareSmall(members: readonly Member[]): void {
    let left = (sumCosts(members) + this.#secondCost - this.#firstCost) / 2
    for (const member of members) {
      left -= costOf(member)
      this.#give(member, left < 0)
    }
  }

  #give(member: Member, isSecond: boolean): void {
    if (!isSecond) {
      this.#firstCost += costOf(member)
      return
    }
    this.#secondCost += costOf(member)
    this.second.add(member)
  }
}

/** Of each member, whether it is the second's: what has the same checksum and size goes where the first of them is. */
function keepTwinsTogether(members: readonly Member[], second: ReadonlySet<Member>): boolean[] {
  const isSecondByContents = new Map<number, boolean>()
  return members.map((member) => {
    // Sizes that are the same but for megabytes are taken for twins, too, which does no harm.
    const contents = member.crc32 * MIB + (member.size % MIB)
    const isSecond = isSecondByContents.get(contents) ?? second.has(member)
    isSecondByContents.set(contents, isSecond)
    return isSecond
  })
}

function sumCosts(members: readonly Member[]): number {
  return members.reduce((sum, member) => sum + costOf(member), 0)
}

function costOf(member: Member): number {
  const inflating = member.method === 0 ? 0 : INFLATE_NS
  const comparing = isWhole(member) ? RECORD_NS : 0
  return MEMBER_NS + member.size * (inflating + STORE_NS + comparing)
}
