import type { ArchiveLimits } from '../../storage/archive/policy.ts'
import type { RefusalReason } from '../../storage/model.ts'

/** An archive made for one rule about archives, with its verdict. `row` is the rule's number, by which comments in `storage` name it. */
export interface HostileCase {
  readonly row: number
  readonly what: string
  readonly archive: Buffer | (() => Buffer)
  readonly verdict: RefusalReason | 'accepted'
  /** The member that the refusal names. */
  readonly path?: string
  readonly limits?: Partial<ArchiveLimits>
}

/** A well-formed member to stand beside the odd one. */
export const sound = { name: 'sound.txt', content: 'sound' }
