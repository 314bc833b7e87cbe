import type { JobProgress, SpoolProgress } from '../../routes/administration.ts'
import type { Wanted } from './find-wanted.ts'
import type { Skipped } from './warm-list.ts'

/** How many of each kind are told one by one: the results of a hundred jobs are in memory. */
const TOLD = 200

/** What became of the files of one list. */
export class WarmTally {
  readonly #skipped: readonly Skipped[]
  readonly #failures: Skipped[] = []
  readonly #refusals: Skipped[] = []
  /** Sizes as listed, by file name: what of it came while its download runs counts as well. */
  readonly #expected = new Map<string, number>()
  readonly #landed = new Set<string>()
  #totalFiles = 0
  #finished = 0
  #alreadyStored = 0
  #bytes = 0
  #fetchedBytes = 0

  constructor(skipped: readonly Skipped[]) {
    this.#skipped = skipped
  }

  /** These are going to be fetched. */
  expect(files: readonly Wanted[]): void {
    this.#totalFiles = files.length
    for (const { listing } of files) this.#expected.set(listing.listed.filename, listing.listed.size ?? 0)
  }

  /** Its bytes are in the store. */
  land({ listing }: Wanted, { size, wasStored }: { readonly size: number; readonly wasStored: boolean }): void {
    this.#expected.set(listing.listed.filename, size)
    this.#landed.add(listing.listed.filename)
    this.#bytes += size
    if (wasStored) this.#alreadyStored += 1
    else this.#fetchedBytes += size
  }

  /** Nothing is left to do for it. */
  finish(): void {
    this.#finished += 1
  }

  fail(failure: Skipped): void {
    this.#failures.push(failure)
  }

  /** It is stored, but has no tree. */
  refuse(refusal: Skipped): void {
    this.#refusals.push(refusal)
  }

  progress(downloads: readonly SpoolProgress[]): JobProgress {
    const running = downloads.filter(({ filename }) => this.#expected.has(filename) && !this.#landed.has(filename))
    const received = running.reduce((sum, download) => sum + download.received, 0)
    return {
      files: this.#finished,
      totalFiles: this.#totalFiles,
      bytes: this.#bytes + received,
      totalBytes: [...this.#expected.values()].reduce((sum, size) => sum + size, 0),
      failed: this.#failures.length,
    }
  }

  result(): object {
    return {
      files: this.#totalFiles,
      fetched: this.#landed.size - this.#alreadyStored,
      fetchedBytes: this.#fetchedBytes,
      alreadyStored: this.#alreadyStored,
      failed: this.#failures.length,
      refused: this.#refusals.length,
      skipped: this.#skipped.length,
      failures: this.#failures.slice(0, TOLD),
      refusals: this.#refusals.slice(0, TOLD),
      skips: this.#skipped.slice(0, TOLD),
    }
  }
}
