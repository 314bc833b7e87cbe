import type { Member } from '../archive/member.ts'
import { isWhole } from '../archive/contents.ts'
import type { Listing } from '../record.ts'
import { PACK_THRESHOLD } from './batch.ts'

/** A member to unpack. */
export interface Task {
  readonly member: Member
  /** What RECORD says of it; undefined where there is nothing to compare. */
  readonly listing: Listing | undefined
}

/** What one thread unpacks, in its order. */
export type Share = readonly Task[]

/**
 * Who gets which members. All of it follows from the archive alone, so that the same wheel gives the same packs and the same refusal, whoever was
 * there to unpack it. Those of equal contents go together, so that each blob is written once.
 */
export interface Plan {
  /** Members that become files of their own, in the order in which threads take them. */
  readonly large: readonly Member[]
  /** Members for the first pack, in the order of the file. */
  readonly first: readonly Member[]
  /** Members for the second pack; empty where a second thread has nothing to gain. */
  readonly second: readonly Member[]
  /** Whether there is enough to do for a second thread. */
  readonly isShared: boolean
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

/** Shares the members between two threads so that both take about equally long; what they do not, the queue of large ones evens out. */
export function planShares(members: readonly Member[]): Plan {
  const queue = queueUp(members.filter(isLarge))
  const large = queue.flat()
  const small = members.filter((member) => !isLarge(member))
  const alone = { large, first: small, second: [], isShared: false }
  if (sumCosts(members) < MIN_HELP_NS) return alone
  const loads: [number, number] = [0, 0]
  for (const twins of queue) loads[loads[1] < loads[0] ? 1 : 0] += sumCosts(twins)
  const { first, second } = shareSmall(small, loads[1] - loads[0])
  return loads[1] + sumCosts(second) < MIN_SECOND_NS ? alone : { large, first, second, isShared: true }
}

/** Those of equal contents together. The largest first, since the last one decides when both are done; those that are read whole in the order of the file. */
function queueUp(large: readonly Member[]): Member[][] {
  const groups = [...Map.groupBy(large, contentsOf).values()]
  return groups.toSorted((one, other) => rankOf(other) - rankOf(one))
}

function rankOf(twins: readonly Member[]): number {
  return twins.every(isWhole) ? 0 : sumCosts(twins)
}

function isLarge(member: Member): boolean {
  return member.size >= PACK_THRESHOLD
}

/** The first ones to the first thread and the last ones to the second, which has `ahead` to do already, so that each reads on from where it is. */
function shareSmall(small: readonly Member[], ahead: number): Pick<Plan, 'first' | 'second'> {
  let left = (sumCosts(small) + ahead) / 2
  const isSecondByContents = new Map<number, boolean>()
  const first: Member[] = []
  const second: Member[] = []
  for (const member of small) {
    left -= costOf(member)
    const isSecond = isSecondByContents.get(contentsOf(member)) ?? left < 0
    isSecondByContents.set(contentsOf(member), isSecond)
    const share = isSecond ? second : first
    share.push(member)
  }
  return { first, second }
}

/** The same number for members of equal contents. By chance, or by who made the wheel, others have it too, which does no harm. */
export function contentsOf({ crc32, size }: Member): number {
  return crc32 * MIB + (size % MIB)
}

function sumCosts(members: readonly Member[]): number {
  return members.reduce((sum, member) => sum + costOf(member), 0)
}

function costOf(member: Member): number {
  const inflating = member.method === 0 ? 0 : INFLATE_NS
  const comparing = isWhole(member) ? RECORD_NS : 0
  return MEMBER_NS + member.size * (inflating + STORE_NS + comparing)
}
