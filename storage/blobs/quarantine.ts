import { dirname } from 'node:path'
import type { Blake3 } from '../digest.ts'
import type { Io } from '../io.ts'
import type { Layout } from '../layout.ts'

/** How long a damaged file is kept for whoever wants to look at it, milliseconds. */
const KEPT_FOR_MS = 30 * 24 * 3_600_000
/** How much all damaged files together may take, bytes; the newest stays, however large. */
const MAX_BYTES = 1 << 30

/**
 * Moves a blob's file aside, durably: a power cut that brought it back under its name would have it taken for the good one that is to
 * take its place. Nothing happens where there is none.
 */
export async function quarantine(io: Io, layout: Layout, blake3: Blake3, now: number): Promise<void> {
  const path = layout.blob(blake3)
  if ((await io.size(path)) === undefined) return
  await io.makeFolder(layout.quarantine)
  await io.rename(path, layout.quarantined(`${stampOf(now)}-${blake3}`))
  await io.syncFolder(layout.quarantine)
  await io.syncFolder(dirname(path))
}

/** Removes what is too old, and the oldest of what is too much; nothing that has not a name of ours. */
export async function sweepQuarantine(io: Io, layout: Layout, now: number): Promise<void> {
  const tooOld = stampOf(now - KEPT_FOR_MS)
  let bytes = 0
  // The newest first, since names begin with the time.
  const names = (await io.list(layout.quarantine)).filter((name) => /^\d{8}T\d{6}Z-/.test(name))
  for (const [index, name] of names.toSorted().toReversed().entries()) {
    const path = layout.quarantined(name)
    bytes += (await io.size(path)) ?? 0
    if (name < tooOld || (bytes > MAX_BYTES && index > 0)) await io.remove(path)
  }
}

/** `20261123T090500Z`: what is later comes later. */
function stampOf(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}
