import { setTimeout } from 'node:timers/promises'
import type { Blake3 } from '../digest.ts'
import { StoreFullError } from '../errors.ts'
import { sightingsOf } from './distributions.ts'
import { Pins } from './pins.ts'
import { findFiles } from './places.ts'
import type { ExecuteOptions, PrunedDistribution, PruneOutcome, PrunePlan } from './pruning.ts'
import { rawDigest } from './raw-digest.ts'
import { Removal, type RemovableDistribution, type RemovedFile } from './removal.ts'
import type { Connection } from './sqlite-connection.ts'
import { BETWEEN_WRITES_MS, type Transactions } from './transactions.ts'

/** Deletes the files of blobs. */
type Release = (blobs: readonly Blake3[]) => Promise<void>

/** How many files go while nobody else can write: some tens of milliseconds. */
const RELEASE_BATCH = 256

/** About how many records go while nobody else can write: some tens of milliseconds, too. */
const RECORD_BATCH = 5000

export async function executePrune(
  transactions: Transactions,
  plan: PrunePlan,
  release: Release,
  { signal, onProgress }: ExecuteOptions = {},
): Promise<PruneOutcome> {
  const outcome = { distributions: 0, trees: 0, blobs: 0, packs: 0, freedBytes: 0 }
  const { distributions } = plan
  for (let done = 0; ;) {
    const { removal, freedBytes, end } = await executeSome(transactions, { distributions, start: done }, release)
    done = end
    outcome.distributions += removal.distributions
    outcome.trees += removal.trees
    outcome.blobs += removal.blobs
    outcome.packs += removal.packs
    outcome.freedBytes += freedBytes
    onProgress?.({ ...outcome })
    if (done === distributions.length || signal?.aborted === true) return outcome
    await setTimeout(BETWEEN_WRITES_MS)
  }
}

/** What of a plan is left to be done. */
interface Rest {
  readonly distributions: PrunePlan['distributions']
  readonly start: number
}

interface Step {
  readonly removal: Removal
  readonly freedBytes: number
  /** Where the next one starts. */
  readonly end: number
}

interface Removed extends Pick<Step, 'removal' | 'end'> {
  /** Files that no record needs any more. */
  readonly files: readonly RemovedFile[]
}

async function executeSome(transactions: Transactions, rest: Rest, release: Release): Promise<Step> {
  let removed: Removed
  try {
    removed = await transactions.write('full', (connection) => removeSome(connection, rest))
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error
    return executeWithoutRoom(transactions, rest, release)
  }
  const { removal, files, end } = removed
  const released = new Set(await releaseUnrecorded(transactions, digestsOf(files), release))
  return { removal, freedBytes: sizeOf(files.filter(({ blake3 }) => released.has(blake3))), end }
}

/**
 * Not even the log of the deletion has room on the disk: its files make some. A crash before the commit would leave records
 * without files, which are fetched again when somebody asks for them.
 */
async function executeWithoutRoom(transactions: Transactions, rest: Rest, release: Release): Promise<Step> {
  return transactions.write('full', async (connection) => {
    // SQLite may not write to the disk before the commit.
    connection.exec('PRAGMA cache_spill = off')
    try {
      const { removal, files, end } = await removeSome(connection, rest)
      await release(digestsOf(files))
      return { removal, freedBytes: sizeOf(files), end }
    } finally {
      connection.exec('PRAGMA cache_spill = on')
    }
  })
}

function digestsOf(files: readonly RemovedFile[]): Blake3[] {
  return files.map(({ blake3 }) => blake3)
}

function sizeOf(files: readonly RemovedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}

async function removeSome(connection: Connection, { distributions, start }: Rest): Promise<Removed> {
  const removal = new Removal(connection)
  await removal.dropUnneeded()
  const pins = new Pins(connection)
  let end = start
  for (; end < distributions.length && removal.records < RECORD_BATCH; end += 1) {
    const planned = distributions.at(end)
    const distribution = planned && findRemovable(connection, planned, pins)
    if (distribution !== undefined) await removal.drop(distribution)
  }
  return { removal, files: await removal.apply(), end }
}

/** Undefined where it is pinned, or not as the plan found it, by now. */
function findRemovable(
  connection: Connection,
  { blake3, sha256, usedAt }: PrunedDistribution,
  pins: Pins,
): RemovableDistribution | undefined {
  const unchanged = connection.find<RemovableDistribution>(
    'SELECT distribution.id, tree FROM distribution JOIN blob USING (id) WHERE blake3 = ? AND used_at = ?',
    rawDigest(blake3),
    usedAt,
  )
  return unchanged && (pins.has(sha256, sightingsOf(connection, unchanged.id)) ? undefined : unchanged)
}

/** Has the files of those blobs deleted that no record gives a file of their own; returns which those were. */
export async function releaseUnrecorded(
  transactions: Transactions,
  candidates: readonly Blake3[],
  release: Release,
): Promise<Blake3[]> {
  const released: Blake3[] = []
  if (candidates.length === 0) return released
  // Most candidates of a sweep are recorded; that is found out without keeping others from writing.
  const absent =
    candidates.length <= RELEASE_BATCH
      ? candidates
      : await transactions.survey(async (connection) => without(connection, candidates))
  for (let start = 0; start < absent.length; start += RELEASE_BATCH) {
    if (start > 0) await setTimeout(BETWEEN_WRITES_MS)
    await transactions.write('normal', async (connection) => {
      const batch = without(connection, absent.slice(start, start + RELEASE_BATCH))
      if (batch.length > 0) {
        // What another one deleted just now may be in the log alone.
        await transactions.sync()
        await release(batch)
      }
      released.push(...batch)
    })
  }
  return released
}

function without(connection: Connection, blobs: readonly Blake3[]): Blake3[] {
  const recorded = findFiles(connection, blobs)
  return blobs.filter((blake3) => !recorded.has(blake3))
}
