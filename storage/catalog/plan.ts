import { leastRecentlyUsed } from './candidates.ts'
import type { Sighting } from '../model.ts'
import { Pins } from './pins.ts'
import { Planned } from './planned.ts'
import type { PruneBudget, PrunedDistribution, PrunePlan, PruneShortfall } from './pruning.ts'
import { sha256Of } from './raw-digest.ts'
import { Removal } from './removal.ts'
import type { Connection } from './sqlite-connection.ts'
import { readTotals } from './totals.ts'

/** What a budget is compared with, beside the store. */
interface Surroundings {
  readonly now: number
  /** Of the disk. */
  readonly freeBytes?: number | undefined
}

/** Belongs in a read transaction. */
export async function planPrune(
  connection: Connection,
  budget: PruneBudget,
  { now, freeBytes = Infinity }: Surroundings,
): Promise<PrunePlan> {
  const { fileBytes: storedBytes, files } = readTotals(connection)
  const pins = new Pins(connection)
  const removal = new Removal(connection)
  await removal.dropUnneeded()
  const distributions = new Planned()
  let pinned = 0
  const stand = (): Standing => ({
    storedBytes: storedBytes - removal.freedBytes,
    files: files - removal.freedFiles,
    freeBytes: freeBytes + removal.freedBytes,
  })
  for (const candidate of leastRecentlyUsed(connection, budget.only)) {
    const reason = reasonToGo(budget, { ...stand(), unusedMs: now - candidate.usedAt })
    if (reason === undefined) break
    if (!pins.isEmpty && pins.has(sha256Of(candidate.sha256), JSON.parse(candidate.sightings) as Sighting[])) {
      pinned += 1
      continue
    }
    const freedBefore = removal.freedBytes
    await removal.drop(candidate)
    distributions.add(candidate, { reason, freedBytes: removal.freedBytes - freedBefore })
  }
  const { trees, blobs, packs, freedBytes } = removal
  const shortfall = findShortfall(budget, stand(), pinned)
  return { distributions, pinned, trees, blobs, packs, storedBytes, freedBytes, ...(shortfall && { shortfall }) }
}

/** With what goes gone. */
interface Standing {
  readonly storedBytes: number
  readonly files: number
  readonly freeBytes: number
}

/** If this is undefined for one distribution, it is for all that were used later. */
function reasonToGo(
  budget: PruneBudget,
  standing: Standing & { readonly unusedMs: number },
): PrunedDistribution['reason'] | undefined {
  const { unusedForMs, maxBytes, maxFiles, keepFreeBytes, only } = budget
  if (unusedForMs !== undefined && standing.unusedMs > unusedForMs) return 'unused'
  if (maxBytes !== undefined && standing.storedBytes > maxBytes) return 'size'
  if (maxFiles !== undefined && standing.files > maxFiles) return 'files'
  if (keepFreeBytes !== undefined && standing.freeBytes < keepFreeBytes) return 'free-space'
  const isLimited = [unusedForMs, maxBytes, maxFiles, keepFreeBytes].some((limit) => limit !== undefined)
  return only !== undefined && !isLimited ? 'selected' : undefined
}

function findShortfall(
  { maxBytes = Infinity, maxFiles = Infinity, keepFreeBytes = 0, only }: PruneBudget,
  { storedBytes, files, freeBytes }: Standing,
  pinned: number,
): PruneShortfall | undefined {
  const missing = {
    ...(storedBytes > maxBytes && { storedBytes: storedBytes - maxBytes }),
    ...(files > maxFiles && { files: files - maxFiles }),
    ...(freeBytes < keepFreeBytes && { freeBytes: keepFreeBytes - freeBytes }),
  }
  if (Object.keys(missing).length === 0) return undefined
  const otherwise = only === undefined ? 'nothing-left' : 'not-selected'
  return { ...missing, reason: pinned > 0 ? 'pinned' : otherwise }
}
