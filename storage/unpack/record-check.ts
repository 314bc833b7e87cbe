import type { Archive, Member } from '../archive/archive.ts'
import { isWhole, readMember } from '../archive/contents.ts'
import type { RecordVerdict } from '../model.ts'
import { findRecordPath, isExempt, judge, type Listing, type Listings, parseRecord } from '../record.ts'

/** A wheel's own list of its files. */
export class RecordCheck {
  readonly #paths: readonly string[]
  readonly #recordPath: string
  readonly #listings: Listings | undefined

  /** Reads the archive's RECORD. Throws {@link ArchiveRefusedError} if it is damaged. */
  constructor(archive: Archive) {
    const files = archive.members.filter((member) => !member.isDirectory)
    this.#paths = files.map(({ path }) => path)
    this.#recordPath = findRecordPath(this.#paths) ?? ''
    const record = files.find(({ path }) => path === this.#recordPath)
    this.#listings =
      record === undefined || !isWhole(record) ? undefined : parseRecord(readMember(archive.file, record))
  }

  /** What the file is to be held against; undefined where there is nothing to compare. */
  listingOf(member: Member): Listing | undefined {
    return isExempt(member.path, this.#recordPath) ? undefined : this.#listings?.get(member.path)
  }

  verdict(areHashesRight: boolean): RecordVerdict {
    return judge(this.#listings, this.#recordPath, { paths: this.#paths, areHashesRight })
  }
}
