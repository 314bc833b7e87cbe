import { type Archive, type Member } from '../archive/archive.ts'
import { isWhole, readMember } from '../archive/contents.ts'
import { hashSha256, Hashing } from '../digest.ts'
import type { RecordVerdict } from '../model.ts'
import { findRecordPath, isExempt, judge, type Listing, type Listings, matches, parseRecord } from '../record.ts'

/** Holds the files of a wheel against its RECORD as they pass by. */
export class RecordCheck {
  readonly #paths: readonly string[]
  readonly #recordPath: string
  readonly #listings: Listings | undefined
  #areHashesRight = true

  /** Reads the archive's RECORD. Throws {@link ArchiveRefusedError} if it is damaged. */
  constructor(archive: Archive) {
    const files = archive.members.filter((member) => !member.isDirectory)
    this.#paths = files.map(({ path }) => path)
    this.#recordPath = findRecordPath(this.#paths) ?? ''
    const record = files.find(({ path }) => path === this.#recordPath)
    this.#listings = record === undefined || !isWhole(record) ? undefined : parseRecord(readMember(archive, record))
  }

  /** The algorithm by which the file must be hashed; undefined where there is nothing to compare. */
  algorithmFor(member: Member): string | undefined {
    return this.#listingOf(member)?.algorithm
  }

  /** Checks a file that is in memory. */
  check(member: Member, bytes: Uint8Array): void {
    const listing = this.#listingOf(member)
    if (listing !== undefined) this.#note(matches(listing, hashBy(listing.algorithm, bytes), bytes.length))
  }

  /** Checks a file by its digest, by {@link algorithmFor} it. */
  checkDigest(member: Member, hex: string): void {
    const listing = this.#listingOf(member)
    if (listing !== undefined) this.#note(matches(listing, hex, member.size))
  }

  verdict(): RecordVerdict {
    const found = { paths: this.#paths, areHashesRight: this.#areHashesRight }
    return judge(this.#listings, this.#recordPath, found)
  }

  #listingOf(member: Member): Listing | undefined {
    return isExempt(member.path, this.#recordPath) ? undefined : this.#listings?.get(member.path)
  }

  #note(isRight: boolean): void {
    this.#areHashesRight &&= isRight
  }
}

function hashBy(algorithm: string | undefined, bytes: Uint8Array): string {
  if (algorithm === undefined) return ''
  if (algorithm === 'sha256') return hashSha256(bytes)
  const hashing = new Hashing([algorithm])
  hashing.update(bytes)
  return hashing.finish().hexes.get(algorithm) ?? ''
}
