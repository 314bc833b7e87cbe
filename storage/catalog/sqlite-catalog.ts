import type { Catalog } from './catalog.ts'
import * as distributions from './distributions.ts'
import * as metadata from './metadata.ts'
import * as pages from './pages.ts'
import * as places from './places.ts'
import { executePrune, planPrune, releaseUnrecorded } from './prune.ts'
import { readStats } from './stats.ts'
import { Transactions } from './transactions.ts'
import * as trees from './trees.ts'

export interface SqliteCatalogOptions {
  /** The database file, created where there is none, in a folder that exists; `:memory:` for one that is gone when it is closed. */
  readonly path: string
  /** For a worker thread beside a process that has it open: finds, and takes no writes. */
  readonly readOnly?: boolean
}

/**
 * The catalog in one SQLite file, for any number of processes on one machine. The caller closes it.
 * Throws {@link StoreFormatError} for a file of a newer format, or of another program.
 */
export async function openSqliteCatalog({ path, readOnly = false }: SqliteCatalogOptions): Promise<Catalog> {
  const db = await Transactions.open(path, { readOnly })
  return {
    findPage: (index, project) => db.read((connection) => pages.findPage(connection, index, project)),
    savePage: (page, { json } = {}) => db.write('normal', (connection) => pages.savePage(connection, page, json)),
    confirmPage: (index, project, fetchedAt) =>
      db.write('normal', (connection) => pages.confirmPage(connection, index, project, fetchedAt)),
    forgetPage: (index, project) => db.write('normal', (connection) => pages.forgetPage(connection, index, project)),

    findDistribution: (digest) => db.read((connection) => distributions.findDistribution(connection, digest)),
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
    listUnpackable: (policy) => db.read((connection) => distributions.listUnpackable(connection, policy)),
    recordUse: (uses) => db.write('normal', (connection) => distributions.recordUse(connection, uses)),

    findMetadata: (wheel) => db.read((connection) => metadata.findMetadata(connection, wheel)),
    findMetadataDigests: (wheels) => db.read((connection) => metadata.findMetadataDigests(connection, wheels)),
    saveMetadata: (wheel, content) =>
      db.write('normal', (connection) => metadata.saveMetadata(connection, wheel, content)),

    addTree: (wheel, unpacked, { adopt } = {}) =>
      db.write('full', async (connection) => {
        await trees.addTree(connection, wheel, unpacked)
        await adopt?.()
      }),
    addRefusal: (wheel, refusal) => db.write('full', (connection) => trees.addRefusal(connection, wheel, refusal)),
    findTree: (id) => db.read((connection) => trees.findTree(connection, id)),
    findTreesByDirhash: (dirhash) => db.read((connection) => trees.findTreesByDirhash(connection, dirhash)),
    findTreesByArchiveId: (archiveId) => db.read((connection) => trees.findTreesByArchiveId(connection, archiveId)),

    findPlace: (blake3) => db.read((connection) => places.findPlace(connection, blake3)),
    findStored: (blake3s) => db.read((connection) => places.findStored(connection, blake3s)),

    stats: () => db.read(readStats),
    planPrune: (budget, now) => db.survey((connection) => planPrune(connection, budget, now)),
    executePrune: (plan, release) => executePrune(db, plan, release),
    releaseOrphans: (candidates, release) => releaseUnrecorded(db, candidates, release),

    close: () => db.close(),
  }
}
