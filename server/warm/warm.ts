import { ArchiveRefusedError } from '../../storage/errors.ts'
import { type IndexName, isWheel } from '../../storage/names.ts'
import type { Store } from '../../storage/store.ts'
import type { FileSource } from '../file-source.ts'
import type { JobContext, JobEnd } from '../jobs.ts'
import { problemOf } from '../problems.ts'
import { findWanted, type WarmIndexes, type Wanted } from './find-wanted.ts'
import { forEachConcurrently } from './for-each-concurrently.ts'
import type { Skipped, WarmList, Wish } from './warm-list.ts'
import { WarmTally } from './warm-tally.ts'

/** Projects that are looked up, and files that are fetched and unpacked, at once. */
const CONCURRENCY = 8
/** How often the bytes of running downloads are counted, milliseconds. */
const COUNT_MS = 500

export interface WarmParts extends WarmIndexes {
  readonly files: FileSource
  readonly store: Store
}

/**
 * Fetches what a list names into the store, and unpacks the wheels. What fails is told in the end and keeps nothing else from being fetched.
 * Downloads that run when it is cancelled go on, as if the last client had left them.
 */
export async function warm(
  parts: WarmParts,
  { index, list }: { readonly index: IndexName; readonly list: WarmList },
  { signal, report }: JobContext,
): Promise<JobEnd> {
  const tally = new WarmTally(list.skipped)
  const wanted = await lookUp(parts, index, { list, tally, signal, report: () => report(tally.progress([])) })
  const counting = setInterval(() => report(tally.progress(parts.files.listDownloads())), COUNT_MS)
  try {
    tally.expect(wanted)
    await forEachConcurrently(wanted, { concurrency: CONCURRENCY, signal }, (file) => fetchOne(parts, file, tally))
  } finally {
    clearInterval(counting)
    report(tally.progress([]))
  }
  // Whoever waited for a warm may now copy the disk, or cut the power.
  await parts.store.awaitSynced()
  return { result: tally.result(), isComplete: !signal.aborted }
}

/** The files that the index lists of what is wished for, each once. */
async function lookUp(
  parts: WarmParts,
  index: IndexName,
  { list, tally, signal, report }: { list: WarmList; tally: WarmTally; signal: AbortSignal; report: () => void },
): Promise<readonly Wanted[]> {
  const found = new Map<string, Wanted>()
  await forEachConcurrently(list.wishes, { concurrency: CONCURRENCY, signal }, async (wish) => {
    const files = await findWanted(parts, index, wish).catch((error: unknown) => ({ reason: reasonOf(error) }))
    if ('reason' in files) tally.fail({ entry: describe(wish), reason: files.reason })
    else for (const file of files) found.set(`${file.reference.sha256}/${file.reference.filename}`, file)
    report()
  })
  return [...found.values()]
}

async function fetchOne({ files, store }: WarmParts, wanted: Wanted, tally: WarmTally): Promise<void> {
  const { source, reference, listing, sha256 } = wanted
  const { filename } = reference
  const wasStored = (await files.findStored(reference)) !== undefined
  try {
    const distribution = await files.fetchOrFail(source, reference, listing)
    if (sha256 !== undefined && distribution.sha256 !== sha256) {
      return tally.fail({ entry: filename, reason: `it turned out to be sha256:${distribution.sha256}` })
    }
    tally.land(wanted, { size: distribution.size, wasStored })
    if (isWheel(filename)) {
      const outcome = await store.unpack(distribution.blake3)
      if (outcome.kind === 'refused') {
        const { message } = new ArchiveRefusedError(outcome.reason, outcome.detail, outcome.path)
        tally.refuse({ entry: filename, reason: `${outcome.reason}: ${message}` })
      }
    }
    tally.finish()
  } catch (error) {
    tally.fail({ entry: filename, reason: reasonOf(error) })
  }
}

function reasonOf(error: unknown): string {
  const { title, detail } = problemOf(error)
  return `${title}: ${detail}`
}

function describe(wish: Wish): Skipped['entry'] {
  return wish.kind === 'file' ? wish.filename : `${wish.project}==${wish.version}`
}
