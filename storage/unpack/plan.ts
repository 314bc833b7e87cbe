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
  /** Is there enough to do for a second thread? It takes the second share, and hashes for RECORD what is large in the first. */
  readonly isWorthHelp: boolean
}

/** Of a thread's time, measured; only their proportions matter. Nanoseconds, per member and per byte. */
const MEMBER_NS = 10_000
const INFLATE_NS = 2
/** CRC-32, BLAKE3, writing. */
const STORE_NS = 0.6
const RECORD_NS = 0.7

/** Less than this is done sooner than a second thread has begun. */
const MIN_HELP_NS = 20_000_000

/** Shares the members between two threads so that both take equally long. */
export function planShares(tasks: readonly Task[]): Plan {
  const total = tasks.reduce((sum, { member }) => sum + wholeCost(member), 0)
  if (total < MIN_HELP_NS) return { first: tasks, second: [], isWorthHelp: false }
  const second = new Set<string>()
  const costs = shareLarge(tasks, second)
  shareWhole(tasks, second, costs)
  keepTwinsTogether(tasks, second)
  return {
    first: tasks.filter(({ member }) => !second.has(member.path)),
    second: tasks.filter(({ member }) => second.has(member.path)),
    isWorthHelp: true,
  }
}

interface Costs {
  first: number
  second: number
}

/** zlib inflates large members on a thread of its own; what RECORD needs of the first share's is the second thread's work as well. */
function shareLarge(tasks: readonly Task[], second: Set<string>): Costs {
  const costs: Costs = { first: 0, second: 0 }
  const large = tasks.filter(({ member }) => !isWhole(member)).toSorted((a, b) => b.member.size - a.member.size)
  for (const { member } of large) {
    const kept = { first: costs.first + member.size * STORE_NS, second: costs.second + member.size * RECORD_NS }
    const given = costs.second + member.size * (STORE_NS + RECORD_NS)
    if (Math.max(kept.first, kept.second) <= Math.max(costs.first, given)) Object.assign(costs, kept)
    else {
      costs.second = given
      second.add(member.path)
    }
  }
  return costs
}

/** The first ones to the first, the last ones to the second: each thread reads on from where it is. */
function shareWhole(tasks: readonly Task[], second: Set<string>, costs: Costs): void {
  const whole = tasks.filter(({ member }) => isWhole(member))
  const total = whole.reduce((sum, { member }) => sum + wholeCost(member), 0)
  let left = (total + costs.second - costs.first) / 2
  for (const { member } of whole) {
    left -= wholeCost(member)
    if (left < 0) second.add(member.path)
  }
}

/** What has the same checksum and size goes where the first of them is. */
function keepTwinsTogether(tasks: readonly Task[], second: Set<string>): void {
  const isSecondByContents = new Map<string, boolean>()
  for (const { member } of tasks) {
    const contents = `${member.crc32}:${member.size}`
    const isSecond = isSecondByContents.get(contents)
    if (isSecond === undefined) isSecondByContents.set(contents, second.has(member.path))
    else if (isSecond) second.add(member.path)
    else second.delete(member.path)
  }
}

function wholeCost({ method, size }: Member): number {
  return MEMBER_NS + size * (STORE_NS + RECORD_NS + (method === 0 ? 0 : INFLATE_NS))
}
