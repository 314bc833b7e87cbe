import type { Archive } from '../archive/archive.ts'
import type { Member } from '../archive/member.ts'
import { readMember } from '../archive/contents.ts'
import type { RecordVerdict } from '../model.ts'
import { findRecordPath, isExempt, judge, type Listing, type Listings, parseRecord } from '../record.ts'

/** A longer RECORD is not read, bytes: room for 200,000 files, as many as the default limits allow. */
const MAX_RECORD_BYTES = 32 * 1024 * 1024

/** A wheel's own list of its files. */
export class RecordCheck {
  readonly #paths: ReadonlySet<string>
  readonly #recordPath: string
  readonly #listings: Listings | undefined

  /** Reads the archive's RECORD. Throws {@link ArchiveRefusedError} if it is damaged. */
  constructor(archive: Archive) {
    const files = archive.members.filter((member) => !member.isDirectory)
    this.#paths = new Set(files.map(({ path }) => path))
    this.#recordPath = findRecordPath(this.#paths) ?? ''
    const record = files.find(({ path }) => path === this.#recordPath)
    if (record !== undefined && Math.max(record.size, record.compressedSize) <= MAX_RECORD_BYTES) {
      this.#listings = parseRecord(readMember(archive.file, record), this.#recordPath, this.#paths)
    }
  }

  /** What the file is to be held against; undefined where there is nothing to compare. */
  listingOf(member: Member): Listing | undefined {
    return isExempt(member.path, this.#recordPath) ? undefined : this.#listings?.byPath.get(member.path)
  }

  verdict(areHashesRight: boolean): RecordVerdict {
    return judge(this.#listings, this.#recordPath, { paths: this.#paths, areHashesRight })
  }
}
