import type { WheelRecord } from '../routes/repository.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Digest } from '../storage/digest.ts'
import type { DistributionRecord, TreeRecord } from '../storage/model.ts'
import { isWheel } from '../storage/names.ts'
import type { FileSource } from './file-source.ts'

/** Every stored distribution that a digest leads to: its own sha256 or blake3, or its tree's id or dirhash. */
export async function lookup(files: FileSource, catalog: Catalog, digest: Digest): Promise<readonly WheelRecord[]> {
  const own = await files.findByDigest(digest)
  const trees = digest.algorithm === 'blake3' ? await findTrees(catalog, digest) : []
  const sharing = await Promise.all(trees.map((tree) => catalog.findWheelsOfTree(tree.id)))
  const distinct = new Map(
    [...(own === undefined ? [] : [own]), ...sharing.flat()].map((record) => [record.blake3, record]),
  )
  return Promise.all([...distinct.values()].map((record) => describe(catalog, record)))
}

async function findTrees(catalog: Catalog, { hex }: Digest & { algorithm: 'blake3' }): Promise<readonly TreeRecord[]> {
  const byId = await catalog.findTree(hex)
  const byDirhash = await catalog.findTreesByDirhash(hex)
  return byId === undefined ? byDirhash : [byId, ...byDirhash]
}

async function describe(catalog: Catalog, record: DistributionRecord): Promise<WheelRecord> {
  const { sha256, blake3, size, sightings } = record
  return { sha256, blake3, size, seen: sightings, tree: await describeTree(catalog, record) }
}

async function describeTree(catalog: Catalog, record: DistributionRecord): Promise<WheelRecord['tree']> {
  const { unpacking, sightings } = record
  if (unpacking === undefined)
    return { state: sightings.some(({ filename }) => isWheel(filename)) ? 'pending' : 'none' }
  if (unpacking.kind === 'refused') {
    const { reason, detail, path } = unpacking
    return { state: 'refused', reason, detail, path }
  }
  const tree = await catalog.findTree(unpacking.tree)
  // It was pruned between the two queries, and will be made again when it is asked for.
  if (tree === undefined) return { state: 'pending' }
  return { state: 'unpacked', id: tree.id, dirhash: tree.dirhash, archiveId: tree.archiveId, record: unpacking.record }
}
