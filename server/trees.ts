import type { Content } from '../routes/content.ts'
import type { Pending, Repository, WheelTreeOptions } from '../routes/repository.ts'
import type { Blake3, Digest } from '../storage/digest.ts'
import { ArchiveRefusedError } from '../storage/errors.ts'
import type { Tree } from '../storage/model.ts'
import { isWheel, type TreePath } from '../storage/names.ts'
import type { Store } from '../storage/store.ts'
import type { Rendition } from '../storage/tar/rendition.ts'
import { renditionContent, storedContent } from './contents.ts'
import type { FileSource } from './file-source.ts'
import { findTreesByAlias } from './lookup.ts'

interface TreeParts {
  readonly store: Store
  readonly files: FileSource
}

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
export function createTreeMethods(parts: TreeParts): TreeMethods {
  const { store } = parts
  const findTree = async (id: Blake3): Promise<Tree | undefined> => (await store.findManifest(id))?.tree
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
    findManifest: (id) => store.findManifest(id),
    async findTreeIds(alias) {
      return (await findTreesByAlias(store.catalog, alias)).map(({ id }) => id)
    },
    async findTreeArchive(id, form) {
      const tree = await findTree(id)
      return asContent(tree && (await store.renditions.archive(tree, form)))
    },
    findTreeFile: (id, path, { gzip }) => findTreeFile(store, id, path, { gzip }),
    async findMissing(id, have) {
      const tree = await findTree(id)
      return asContent(tree && store.renditions.missing(tree, have))
    },
  }
}

async function findTreeFile(
  store: Store,
  id: Blake3,
  path: TreePath,
  { gzip }: { readonly gzip: boolean },
): ReturnType<Repository['findTreeFile']> {
  const manifest = await store.findManifest(id)
  const file = manifest?.files.get(path)
  if (manifest === undefined || file === undefined) return undefined
  const { blake3, executable } = file
  const rendition = gzip ? await store.renditions.gzipFile(manifest.tree, path) : undefined
  if (rendition !== undefined) return { content: renditionContent(rendition), encoding: 'gzip', blake3, executable }
  const blob = await store.findBlob(blake3)
  return blob && { content: storedContent(blob, undefined), encoding: undefined, blake3, executable }
}

/** A stored wheel and its tree, which is made if nobody did yet. Throws {@link ArchiveRefusedError}. */
async function findUnpacked(
  { store, files }: TreeParts,
  digest: Digest,
  { respondAsync }: WheelTreeOptions,
): Promise<{ readonly blake3: Blake3; readonly tree: Blake3 } | Pending | undefined> {
  if (respondAsync && files.isFetching(digest)) return 'pending'
  const record = await files.findByDigest(digest)
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
