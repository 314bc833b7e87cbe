import type { Pending, WheelRecord, WheelTreeOptions } from '../routes/repository.ts'
import type { LookupKey, TreeAlias } from '../routes/tree-name.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Digest } from '../storage/digest.ts'
import type { DistributionRecord, TreeRecord } from '../storage/model.ts'
import { type IndexName, isWheel, type ProjectName } from '../storage/names.ts'
import { isPortable } from '../storage/portable.ts'
import type { Store } from '../storage/store.ts'
import type { FileSource } from './file-source.ts'
import type { FileKind, ListedFiles } from './listed-files.ts'

export interface LookupParts {
  readonly store: Store
  readonly files: FileSource
  readonly listed: ListedFiles
}

type RecordOptions = Pick<WheelTreeOptions, 'respondAsync'>

/**
 * Every stored distribution that a key leads to: its own sha256 or blake3, or its tree's id, dirhash or archive id. One that is only listed
 * is downloaded first.
 */
export async function lookup(
  parts: LookupParts,
  key: LookupKey,
  { respondAsync }: RecordOptions,
): Promise<readonly WheelRecord[] | Pending> {
  const { store } = parts
  const { catalog } = store
  const isDigest = key.algorithm === 'sha256' || key.algorithm === 'blake3'
  const own = isDigest ? await findRecord(parts, key, { respondAsync, kind: 'file' }) : undefined
  if (own === 'pending') return own
  const trees = await findTrees(catalog, key)
  const sharing = await Promise.all(trees.map((tree) => catalog.findWheelsOfTree(tree.id)))
  const distinct = new Map(
    [...(own === undefined ? [] : [own]), ...sharing.flat()].map((record) => [record.blake3, record]),
  )
  return describeAll(store, distinct.values())
}

/** Every stored distribution of a project, as far as it was seen on that index. */
export async function lookUpProject(
  store: Store,
  index: IndexName,
  project: ProjectName,
): Promise<readonly WheelRecord[]> {
  const records = await store.catalog.findDistributionsOf(index, project)
  return describeAll(store, records)
}

/** A distribution by its own digest: stored, or downloaded from an index that lists it. */
export async function findRecord(
  { files, listed }: Pick<LookupParts, 'files' | 'listed'>,
  digest: Digest,
  { respondAsync, kind }: RecordOptions & { readonly kind: FileKind },
): Promise<DistributionRecord | Pending | undefined> {
  if (respondAsync && files.isFetching(digest)) return 'pending'
  const stored = await files.findByDigest(digest)
  if (stored !== undefined || digest.algorithm !== 'sha256') return stored
  if (!respondAsync) return listed.fetch(digest.hex, kind)
  return (await listed.begin(digest.hex, kind)) ? 'pending' : undefined
}

/** Trees by what others call their content. */
export function findTreesByAlias(catalog: Catalog, alias: TreeAlias): Promise<readonly TreeRecord[]> {
  return alias.algorithm === 'dirhash'
    ? catalog.findTreesByDirhash(alias.hex)
    : catalog.findTreesByArchiveId(alias.archiveId)
}

async function findTrees(catalog: Catalog, key: LookupKey): Promise<readonly TreeRecord[]> {
  if (key.algorithm === 'sha256') return []
  if (key.algorithm !== 'blake3') return findTreesByAlias(catalog, key)
  const byId = await catalog.findTree(key.hex)
  const byDirhash = await catalog.findTreesByDirhash(key.hex)
  return byId === undefined ? byDirhash : [byId, ...byDirhash]
}

/** One after the other: each takes a whole manifest, and a project may have hundreds. */
async function describeAll(store: Store, records: Iterable<DistributionRecord>): Promise<readonly WheelRecord[]> {
  const described: WheelRecord[] = []
  for (const record of records) described.push(await describe(store, record))
  return described
}

async function describe(store: Store, record: DistributionRecord): Promise<WheelRecord> {
  const { sha256, blake3, size, sightings } = record
  return { sha256, blake3, size, seen: sightings, tree: await describeTree(store, record) }
}

async function describeTree(store: Store, record: DistributionRecord): Promise<WheelRecord['tree']> {
  const { unpacking, sightings } = record
  if (unpacking === undefined)
    return { state: sightings.some(({ filename }) => isWheel(filename)) ? 'pending' : 'none' }
  if (unpacking.kind === 'refused') {
    const { reason, detail, path } = unpacking
    return { state: 'refused', reason, detail, path }
  }
  const tree = await store.catalog.findTree(unpacking.tree)
  const manifest = await store.findManifest(unpacking.tree)
  // It was pruned between the queries, and will be made again when it is asked for.
  if (tree === undefined || manifest === undefined) return { state: 'pending' }
  const { id, dirhash, archiveId } = tree
  const verdict = unpacking.record === 'pending' ? await store.recordOf(record.blake3) : unpacking.record
  return { state: 'unpacked', id, dirhash, archiveId, record: verdict, portable: await isPortable(manifest.tree) }
}
