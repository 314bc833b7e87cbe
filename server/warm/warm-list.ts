import type { Sha256 } from '../../storage/digest.ts'
import type { Filename, ProjectName } from '../../storage/names.ts'

/** What is to be fetched of one project. */
export type Wish =
  /** One file; without a SHA-256, whatever bytes the index lists under its name. */
  | {
      readonly kind: 'file'
      readonly project: ProjectName
      readonly filename: Filename
      readonly sha256: Sha256 | undefined
    }
  /** Of a version, the files with these digests; without any, all its wheels, or its sdist where it has no wheel. */
  | {
      readonly kind: 'version'
      readonly project: ProjectName
      readonly version: string
      readonly sha256s: ReadonlySet<Sha256>
    }

/** Something on a list that is not fetched. */
export interface Skipped {
  /** As the list has it, shortened. */
  readonly entry: string
  readonly reason: string
}

/** A lock file, as far as it says what to fetch. */
export interface WarmList {
  readonly wishes: readonly Wish[]
  readonly skipped: readonly Skipped[]
}
