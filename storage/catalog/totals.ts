import type { Connection } from './sqlite-connection.ts'

/** What changed in the number and bytes of blobs: with a file of their own (packs included), slices of packs, and packs. */
export interface BlobTotals {
  files: number
  fileBytes: number
  slices: number
  sliceBytes: number
  packs: number
  packBytes: number
}

export function noChange(): BlobTotals {
  return { files: 0, fileBytes: 0, slices: 0, sliceBytes: 0, packs: 0, packBytes: 0 }
}

/** Adds to the running totals. Belongs in the transaction that made the change. */
export function addToTotals(connection: Connection, change: BlobTotals): void {
  if (Object.values(change).every((value) => value === 0)) return
  connection.run(
    `UPDATE total SET files = files + ?, file_bytes = file_bytes + ?, slices = slices + ?, slice_bytes = slice_bytes + ?,
       packs = packs + ?, pack_bytes = pack_bytes + ?`,
    change.files,
    change.fileBytes,
    change.slices,
    change.sliceBytes,
    change.packs,
    change.packBytes,
  )
}

/** Takes from the running totals. Belongs likewise. */
export function subtractFromTotals(connection: Connection, gone: BlobTotals): void {
  addToTotals(connection, {
    files: -gone.files,
    fileBytes: -gone.fileBytes,
    slices: -gone.slices,
    sliceBytes: -gone.sliceBytes,
    packs: -gone.packs,
    packBytes: -gone.packBytes,
  })
}

/** The running totals as the table has them. */
interface Totals extends BlobTotals {
  readonly distributions: number
  readonly distributionBytes: number
  readonly unpacked: number
  readonly refused: number
  readonly pending: number
  readonly trees: number
  /** Of their files and manifests. */
  readonly treeBytes: number
}

export function readTotals(connection: Connection): Totals {
  return connection.get<Totals>(
    `SELECT files, file_bytes AS fileBytes, slices, slice_bytes AS sliceBytes, packs, pack_bytes AS packBytes, distributions,
       distribution_bytes AS distributionBytes, unpacked, refused, pending, trees, tree_bytes AS treeBytes FROM total`,
  )
}
