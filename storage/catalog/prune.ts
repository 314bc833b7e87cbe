import { setTimeout } from 'node:timers/promises'
import type { Blake3 } from '../digest.ts'
import type { PruneBudget, PrunedDistribution, PruneOutcome, PrunePlan } from './catalog.ts'
import { sightingsOf } from './distributions.ts'
import { findFiles } from './places.ts'
import { blake3Of, rawDigest, sha256Of } from './raw-digest.ts'
import { Removal } from './removal.ts'
import type { Connection } from './sqlite-connection.ts'
import { readTotals } from './totals.ts'
import { WRITE_POLL_MS, type Transactions } from './transactions.ts'

/** Deletes the files of blobs. */
export type Release = (blobs: readonly Blake3[]) => Promise<void>

/** How many files go while nobody else can write: some tens of milliseconds. */
const RELEASE_BATCH = 256

/** How many distributions are read at a time. */
const READ_BATCH = 256

interface Candidate {
  readonly id: number
  readonly blake3: Uint8Array
  readonly sha256: Uint8Array
  readonly size: number
  readonly usedAt: number
}

/** Belongs in a read transaction. */
export async function planPrune(connection: Connection, budget: PruneBudget, now: number): Promise<PrunePlan> {
  const storedBytes = readTotals(connection).fileBytes
  const removal = new Removal(connection)
  await removal.dropUnneeded()
  const distributions: PrunedDistribution[] = []
  for (const { id, blake3, sha256, size, usedAt } of leastRecentlyUsed(connection)) {
    const reason = reasonToGo(budget, { unusedMs: now - usedAt, storedBytes: storedBytes - removal.freedBytes })
    if (reason === undefined) break
    const freedBefore = removal.freedBytes
    await removal.drop(id)
    distributions.push({
      blake3: blake3Of(blake3),
      sha256: sha256Of(sha256),
      size,
      sightings: sightingsOf(connection, id),
      usedAt,
      reason,
      freedBytes: removal.freedBytes - freedBefore,
    })
  }
  const { trees, blobs, packs, freedBytes } = removal
  return { distributions, trees, blobs, packs, storedBytes, freedBytes }
}

export async function executePrune(
  transactions: Transactions,
  plan: PrunePlan,
  release: Release,
): Promise<PruneOutcome> {
  const { removal, files } = await transactions.write('full', async (connection) => {
    const removing = new Removal(connection)
    await removing.dropUnneeded()
    for (const { blake3, usedAt } of plan.distributions) {
      const unchanged = connection.find<{ id: number }>(
        'SELECT distribution.id FROM distribution JOIN blob USING (id) WHERE blake3 = ? AND used_at = ?',
        rawDigest(blake3),
        usedAt,
      )
      if (unchanged !== undefined) await removing.drop(unchanged.id)
    }
    return { removal: removing, files: await removing.apply() }
  })
  const blobs = files.map((file) => file.blake3)
  const released = new Set(await releaseUnrecorded(transactions, blobs, release))
  const freedBytes = files.reduce((sum, { blake3, size }) => (released.has(blake3) ? sum + size : sum), 0)
  return {
    distributions: removal.distributions,
    trees: removal.trees,
    blobs: removal.blobs,
    packs: removal.packs,
    freedBytes,
  }
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
  const absent = await transactions.survey(async (connection) => without(connection, candidates))
  for (let start = 0; start < absent.length; start += RELEASE_BATCH) {
    // Longer than another process pauses between its attempts at the lock, so that its writes get their turn.
    if (start > 0) await setTimeout(WRITE_POLL_MS + 5)
    await transactions.write('normal', async (connection) => {
      const batch = without(connection, absent.slice(start, start + RELEASE_BATCH))
      if (batch.length > 0) await release(batch)
      released.push(...batch)
    })
  }
  return released
}

function without(connection: Connection, blobs: readonly Blake3[]): Blake3[] {
  const recorded = findFiles(connection, blobs)
  return blobs.filter((blake3) => !recorded.has(blake3))
}

function reasonToGo(
  budget: PruneBudget,
  { unusedMs, storedBytes }: { readonly unusedMs: number; readonly storedBytes: number },
): PrunedDistribution['reason'] | undefined {
  if (budget.unusedForMs !== undefined && unusedMs > budget.unusedForMs) return 'unused'
  if (budget.maxBytes !== undefined && storedBytes > budget.maxBytes) return 'size'
  return undefined
}

function* leastRecentlyUsed(connection: Connection): Generator<Candidate> {
  let after: { readonly usedAt: number; readonly id: number } | undefined = { usedAt: Number.MIN_SAFE_INTEGER, id: 0 }
  while (after !== undefined) {
    const batch: Candidate[] = connection.all<Candidate>(
      `SELECT id, blake3, sha256, distribution.size, used_at AS usedAt FROM distribution JOIN blob USING (id)
       WHERE (used_at, id) > (?, ?) ORDER BY used_at, id LIMIT ?`,
      after.usedAt,
      after.id,
      READ_BATCH,
    )
    yield* batch
    after = batch.at(-1)
  }
}
