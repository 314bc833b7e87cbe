import type { Blake3 } from '../digest.ts'
import { StoreChangedError } from '../errors.ts'
import type { Place } from '../model.ts'
import { Pace } from '../pace.ts'
import { blake3Of, rawDigest } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { addToTotals, noChange, type BlobTotals } from './totals.ts'

export function findPlace(connection: Connection, blake3: Blake3): Place | undefined {
  const row = connection.find<{ size: number; offset: number | null; pack: Uint8Array | null }>(
    `SELECT blob.size, blob.offset, pack.blake3 AS pack FROM blob LEFT JOIN blob AS pack ON pack.id = blob.pack
     WHERE blob.blake3 = ?`,
    rawDigest(blake3),
  )
  return row && placeOf(row)
}

/** Those that are stored. */
export function findPlaces(connection: Connection, blake3s: readonly Blake3[]): Map<Blake3, Place> {
  const rows = connection.all<{ value: Blake3; size: number; offset: number | null; pack: Uint8Array | null }>(
    `SELECT value, blob.size, blob.offset, pack.blake3 AS pack
     FROM json_each(?) CROSS JOIN blob ON blob.blake3 = unhex(value) LEFT JOIN blob AS pack ON pack.id = blob.pack`,
    JSON.stringify(blake3s),
  )
  return new Map(rows.map(({ value, ...row }) => [value, placeOf(row)]))
}

function placeOf(row: {
  readonly size: number
  readonly offset: number | null
  readonly pack: Uint8Array | null
}): Place {
  const { size, offset, pack } = row
  if (pack === null || offset === null) return { kind: 'file', size }
  return { kind: 'packed', pack: blake3Of(pack), offset, size }
}

export function findStored(connection: Connection, blake3s: readonly Blake3[]): Set<Blake3> {
  const rows = connection.all<{ value: Blake3 }>(
    'SELECT value FROM json_each(?) CROSS JOIN blob ON blake3 = unhex(value)',
    JSON.stringify(blake3s),
  )
  return new Set(rows.map((row) => row.value))
}

/** Which of these have a file of their own: what the blob store must not lose. */
export function findFiles(connection: Connection, blake3s: readonly Blake3[]): Set<Blake3> {
  const rows = connection.all<{ value: Blake3 }>(
    'SELECT value FROM json_each(?) CROSS JOIN blob ON blake3 = unhex(value) AND pack IS NULL',
    JSON.stringify(blake3s),
  )
  return new Set(rows.map((row) => row.value))
}

/** Records one blob that has a file of its own; returns its id. Belongs in a transaction. */
export function placeFile(connection: Connection, blake3: Blake3, size: number): number {
  const change = noChange()
  const id = placeAsFile(connection, blake3, size, change)
  addToTotals(connection, change)
  return id
}

/**
 * Records where new blobs are; what is stored already stays where it is, but a file of its own comes before a slice of a pack (a pack
 * of one file *is* that file). Returns the ids of those slices that are new and among `needed`: they are counted as needed once.
 * Belongs in a transaction. Throws {@link StoreChangedError} for a slice of a pack that is not there.
 */
export async function placeBlobs(
  connection: Connection,
  placed: readonly (readonly [blake3: Blake3, place: Place])[],
  needed: ReadonlySet<Blake3>,
): Promise<Map<Blake3, number>> {
  const change = noChange()
  const pace = new Pace()
  for (const [blake3, place] of placed) {
    if (place.kind === 'file') placeAsFile(connection, blake3, place.size, change)
  }
  const packs = new Map<Blake3, { readonly id: number; slices: number }>()
  const counted = new Map<Blake3, number>()
  // In the order of the index, which takes two thirds of the time.
  for (const [blake3, place] of placed.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (place.kind !== 'packed' || place.pack === blake3) continue
    let pack = packs.get(place.pack)
    if (pack === undefined) {
      pack = { id: openPack(connection, place.pack, change), slices: 0 }
      packs.set(place.pack, pack)
    }
    const needs = needed.has(blake3) ? 1 : 0
    const id = insertSlice(connection, blake3, { size: place.size, pack: pack.id, offset: place.offset, needs })
    if (id !== undefined) {
      pack.slices += 1
      change.slices += 1
      change.sliceBytes += place.size
      if (needs === 1) counted.set(blake3, id)
    }
    if (pace.isDue) await pace.rest()
  }
  for (const { id, slices } of packs.values()) {
    connection.run('UPDATE blob SET holds = holds + ? WHERE id = ?', slices, id)
  }
  addToTotals(connection, change)
  return counted
}

function placeAsFile(connection: Connection, blake3: Blake3, size: number, change: BlobTotals): number {
  const raw = rawDigest(blake3)
  const known = connection.find<{ id: number; size: number; pack: number | null }>(
    'SELECT id, size, pack FROM blob WHERE blake3 = ?',
    raw,
  )
  if (known === undefined) {
    change.files += 1
    change.fileBytes += size
    return connection.get<{ id: number }>(
      'INSERT INTO blob (blake3, size, needs) VALUES (?, ?, 0) RETURNING id',
      raw,
      size,
    ).id
  }
  if (known.pack !== null) {
    connection.run('UPDATE blob SET pack = NULL, offset = NULL WHERE id = ?', known.id)
    connection.run('UPDATE blob SET holds = holds - 1 WHERE id = ?', known.pack)
    change.files += 1
    change.fileBytes += known.size
    change.slices -= 1
    change.sliceBytes -= known.size
  }
  return known.id
}

/** The id of a blob that has a file of its own, which is a pack from now on. */
function openPack(connection: Connection, blake3: Blake3, change: BlobTotals): number {
  const known = connection.find<{ id: number; size: number; holds: number | null }>(
    'SELECT id, size, holds FROM blob WHERE blake3 = ? AND pack IS NULL',
    rawDigest(blake3),
  )
  if (known === undefined) throw new StoreChangedError(`pack ${blake3} is not stored`)
  if (known.holds === null) {
    connection.run('UPDATE blob SET holds = 0 WHERE id = ?', known.id)
    change.packs += 1
    change.packBytes += known.size
  }
  return known.id
}

/** Returns the id; undefined where the blob is stored already. */
function insertSlice(
  connection: Connection,
  blake3: Blake3,
  slice: { readonly size: number; readonly pack: number; readonly offset: number; readonly needs: number },
): number | undefined {
  return connection.insert(
    'INSERT INTO blob (blake3, size, pack, offset, needs) VALUES (?, ?, ?, ?, ?) ON CONFLICT (blake3) DO NOTHING',
    rawDigest(blake3),
    slice.size,
    slice.pack,
    slice.offset,
    slice.needs,
  )
}
