import type { Content } from '../routes/content.ts'
import type { Pending, Repository, ServedTreeFile, WheelTreeOptions } from '../routes/repository.ts'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Blake3, Digest } from '../storage/digest.ts'
import { ArchiveRefusedError } from '../storage/errors.ts'
import type { Tree, TreeFile } from '../storage/model.ts'
import { isWheel, type TreePath } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import type { StoredBlob } from '../storage/stored-blobs.ts'
import type { Rendition } from '../storage/tar/rendition.ts'
import { renditionContent, storedContent } from './contents.ts'
import { findRecord, findTreesByAlias, type LookupParts } from './lookup.ts'

type TreeMethods = Pick<
  Repository,
  | 'findTreeOfWheel'
  | 'findTreeArchiveOfWheel'
  | 'findManifest'
  | 'findTreeIds'
  | 'findTreeArchive'
  | 'findTreeFile'
  | 'findMissing'
>

/** What a repository does with trees: all of it out of the store. */
export function createTreeMethods(parts: LookupParts): TreeMethods {
  const { store } = parts
  const findTree = async (id: Blake3): Promise<Tree | undefined> => (await store.findManifest(id))?.tree
  const noteUse = <Found>(id: Blake3, found: Found): Found => {
    if (found !== undefined) store.noteUse(id)
    return found
  }
  return {
    async findTreeOfWheel(digest, options) {
      const wheel = await findUnpacked(parts, digest, options)
      return typeof wheel === 'object' ? store.findManifest(wheel.tree) : wheel
    },
    async findTreeArchiveOfWheel(digest, form, options) {
      const wheel = await findUnpacked(parts, digest, options)
      if (typeof wheel !== 'object') return wheel
      const tree = await findTree(wheel.tree)
      return asContent(tree && (await store.renditions.archive(tree, form, wheel.blake3)))
    },
    findManifest: (id) => andThen(store.findManifest(id), (manifest) => noteUse(id, manifest)),
    async findTreeIds(alias) {
      return (await findTreesByAlias(store.catalog, alias)).map(({ id }) => id)
    },
    async findTreeArchive(id, form) {
      const tree = await findTree(id)
      return noteUse(id, asContent(tree && (await store.renditions.archive(tree, form))))
    },
    findTreeFile: (id, path, { gzip }) => findTreeFile(store, id, path, { gzip }),
    async findMissing(id, have) {
      const tree = await findTree(id)
      return noteUse(id, asContent(tree && store.renditions.missing(tree, have)))
    },
  }
}

function findTreeFile(
  store: Store,
  id: Blake3,
  path: TreePath,
  { gzip }: { readonly gzip: boolean },
): AtHand<ServedTreeFile | undefined> {
  const { generation } = store
  return andThen(store.findManifest(id), (manifest) => {
    const file = manifest?.files.get(path)
    if (manifest === undefined || file === undefined) return undefined
    const { tree } = manifest
    store.noteUse(tree.id)
    return gzip ? findCoded(store, tree, file, generation) : findPlain(store, tree, file, generation)
  })
}

/** @param generation Of the store when the tree was looked for. */
function findPlain(
  store: Store,
  { id: tree }: Tree,
  { blake3, executable }: TreeFile,
  generation: number,
): AtHand<ServedTreeFile | undefined> {
  return andThen(store.findBlob(blake3), (blob) => {
    if (blob === undefined) return undefined
    const findAgain = finderOf(store, blob, tree, generation)
    return { content: storedContent(blob, undefined), encoding: undefined, blake3, executable, findAgain }
  })
}

/**
 * Makes {@link ServedTreeFile.findAgain}. The routes keep it, so it must not hold the bytes, which memory may want to free. It is made in a function of
 * its own: inside of others each of their scopes would be one more object on the way to the bytes (see routes/tree-files.ts).
 */
function finderOf(store: Store, blob: StoredBlob, tree: Blake3, generation: number): () => Uint8Array | undefined {
  return () => {
    const bytes = store.generation === generation ? blob.bytes : undefined
    if (bytes !== undefined) store.noteUse(tree)
    return bytes
  }
}

function findCoded(store: Store, tree: Tree, file: TreeFile, generation: number): AtHand<ServedTreeFile | undefined> {
  const { blake3, executable } = file
  return andThen(store.renditions.gzipFile(tree, file), (gzip) =>
    gzip === undefined
      ? findPlain(store, tree, file, generation)
      : { content: renditionContent(gzip), encoding: 'gzip', blake3, executable },
  )
}

/** A wheel that is stored or listed, and its tree, which is made if nobody did yet. Throws {@link ArchiveRefusedError}. */
async function findUnpacked(
  { store, files, listed }: LookupParts,
  digest: Digest,
  { respondAsync }: WheelTreeOptions,
): Promise<{ readonly blake3: Blake3; readonly tree: Blake3 } | Pending | undefined> {
  const record = await findRecord({ files, listed }, digest, { respondAsync, kind: 'wheel' })
  if (record === 'pending') return 'pending'
  if (record?.sightings.some(({ filename }) => isWheel(filename)) !== true) return undefined
  store.noteUse(record.blake3)
  if (respondAsync && record.unpacking === undefined) {
    store.unpackInBackground(record.blake3)
    return 'pending'
  }
  const outcome = await store.unpack(record.blake3)
  if (outcome.kind === 'refused') throw new ArchiveRefusedError(outcome.reason, outcome.detail, outcome.path)
  return { blake3: record.blake3, tree: outcome.tree }
}

function asContent(rendition: Rendition | undefined): Content | undefined {
  return rendition && renditionContent(rendition)
}
