import type { Catalog } from './catalog.ts'
import type { Io } from '../io.ts'
import * as distributions from './distributions.ts'
import { listingsOf } from './listings.ts'
import * as metadata from './metadata.ts'
import { pagesOf } from './pages.ts'
import * as places from './places.ts'
import { Transactions } from './transactions.ts'
import * as trees from './trees.ts'
import { unhashedOf } from './unhashed.ts'
import { listUnsynced, noteSynced } from './unsynced.ts'
import * as uploadTimes from './upload-times.ts'
import { upkeepOf } from './upkeep.ts'

export interface SqliteCatalogOptions {
  /** The database file, created where there is none, in a folder that exists; `:memory:` for one that is gone when it is closed. */
  readonly path: string
  /** For a worker thread of a process that has it open itself: reads only. */
  readonly readOnly?: boolean
  /** What has to be durable is synced through it, beside the event loop. */
  readonly io?: Io
}

/**
 * The catalog in one SQLite file, for any number of processes on one machine. The caller closes it.
 * Throws {@link StoreFormatError} for a file of a newer format, or of another program.
 */
export async function openSqliteCatalog({ path, readOnly = false, io }: SqliteCatalogOptions): Promise<Catalog> {
  if (io !== undefined && !readOnly) await createPrivately(io, path)
  const db = await Transactions.open(path, { readOnly, io })
  return {
    ...pagesOf(db),
    ...listingsOf(db),

    findDistribution: (digest) => db.read((connection) => distributions.findDistribution(connection, digest)),
    findStoredDistributions: (sha256s) =>
      db.read((connection) => distributions.findStoredDistributions(connection, sha256s)),
    findDistributionsOf: (index, project) =>
      db.read((connection) => distributions.findDistributionsOf(connection, index, project)),
    addDistribution: (distribution, sighting, { adopt } = {}) =>
      db.write('full', async (connection) => {
        distributions.addDistribution(connection, distribution, sighting)
        await adopt?.()
      }),
    addSighting: (sha256, sighting) =>
      db.write('full', (connection) => distributions.addSighting(connection, sha256, sighting)),
    findWheelsOfTree: (id) => db.read((connection) => distributions.findWheelsOfTree(connection, id)),
    listUnpackable: (policy, limits) =>
      db.read((connection) => distributions.listUnpackable(connection, policy, limits)),
    listUnchecked: () => db.read((connection) => distributions.listUnchecked(connection)),
    addRecordVerdict: (wheel, verdict) =>
      db.write('normal', (connection) => trees.addRecordVerdict(connection, wheel, verdict)),
    recordUse: (uses) => db.write('normal', (connection) => distributions.recordUse(connection, uses)),

    ...metadataOf(db),
    ...unhashedOf(db),
    ...uploadTimesOf(db),

    addTree: (wheel, unpacked, { adopt } = {}) =>
      db.write('normal', async (connection) => {
        const unsynced = await trees.addTree(connection, wheel, unpacked)
        await adopt?.()
        return unsynced
      }),
    listUnsynced: () => db.read((connection) => listUnsynced(connection)),
    noteSynced: (files) => db.write('normal', (connection) => noteSynced(connection, files)),
    addRefusal: (wheel, refusal) => db.write('full', (connection) => trees.addRefusal(connection, wheel, refusal)),
    findTree: (id) => db.read((connection) => trees.findTree(connection, id)),
    findTreesByDirhash: (dirhash) => db.read((connection) => trees.findTreesByDirhash(connection, dirhash)),
    findTreesByArchiveId: (archiveId) => db.read((connection) => trees.findTreesByArchiveId(connection, archiveId)),

    ...placesOf(db),
    ...upkeepOf(db),

    close: () => db.close(),
  }
}

/** SQLite would let everybody read the database, and its log as well; the pages of private indexes are in both. */
async function createPrivately(io: Io, path: string): Promise<void> {
  try {
    const file = await io.create(path)
    await file.close()
  } catch {
    // Best effort: mostly it is there already, and what else is wrong SQLite meets, too.
  }
}

function placesOf(db: Transactions): Pick<Catalog, 'findPlace' | 'findPlaces' | 'findStored'> {
  return {
    findPlace: (blake3) => db.read((connection) => places.findPlace(connection, blake3)),
    findPlaces: (blake3s) => db.read((connection) => places.findPlaces(connection, blake3s)),
    findStored: (blake3s) => db.read((connection) => places.findStored(connection, blake3s)),
  }
}

function metadataOf(
  db: Transactions,
): Pick<Catalog, 'findMetadata' | 'saveMetadata' | 'forgetMetadata' | 'findMetadataDigests'> {
  return {
    findMetadata: (wheel, index) => db.read((connection) => metadata.findMetadata(connection, wheel, index)),
    findMetadataDigests: (wheels, index) =>
      db.read((connection) => metadata.findMetadataDigests(connection, wheels, index)),
    saveMetadata: (wheel, content, savedAt, options) =>
      db.write('normal', (connection) => metadata.saveMetadata(connection, { wheel, content, savedAt, ...options })),
    forgetMetadata: (wheels, options) =>
      db.write('normal', (connection) => metadata.forgetMetadata(connection, wheels, options)),
  }
}

function uploadTimesOf(db: Transactions): Pick<Catalog, 'findUploadTimes' | 'saveUploadTime'> {
  return {
    findUploadTimes: (index, project) =>
      db.read((connection) => uploadTimes.findUploadTimes(connection, index, project)),
    saveUploadTime: (file, uploadedAt) =>
      db.write('normal', (connection) => uploadTimes.saveUploadTime(connection, file, uploadedAt)),
  }
}
