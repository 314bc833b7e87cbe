import type { PageSnapshot } from '../routes/repository.ts'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { ListedFile, ProjectPage } from '../storage/model.ts'
import type { IndexName } from '../storage/names.ts'
import { findVersion, versionKey } from '../storage/versions.ts'
import { listingOf } from './unhashed-files.ts'

/** What was last made of a page: what is rendered of it is rendered again only where it lists something else. */
const narrowed = new WeakMap<PageSnapshot, PageSnapshot>()

/**
 * The page without the files that are not stored, and the versions that only these have. Where none is stored it is empty, and not absent: the index has
 * the project, and no other may answer for it. The catalog is asked each time, since other indexes and processes store and prune as well.
 */
export async function narrowToStored(catalog: Catalog, whole: PageSnapshot): Promise<PageSnapshot> {
  const files = await findStored(catalog, whole.index, whole.page.files)
  if (files.length === whole.page.files.length) return whole
  const last = narrowed.get(whole)
  if (last !== undefined && isSame(last.page.files, files)) return last
  const snapshot = { ...whole, page: { ...whole.page, files, ...versionsOf(whole.page, files) } }
  narrowed.set(whole, snapshot)
  return snapshot
}

/** Those that can be had without upstream, in their order. */
async function findStored(
  catalog: Catalog,
  index: IndexName,
  files: readonly ListedFile[],
): Promise<readonly ListedFile[]> {
  const unhashed = files.filter((file) => sha256Of(file) === undefined)
  const [stored, listings] = await Promise.all([
    catalog.findStoredDistributions(files.flatMap((file) => sha256Of(file) ?? [])),
    unhashed.length === 0
      ? new Map<string, string>()
      : catalog.findUnhashedListings(
          index,
          unhashed.map(({ url }) => url),
        ),
  ])
  return files.filter((file) => {
    const sha256 = sha256Of(file)
    return sha256 === undefined ? listings.get(file.url) === listingOf(file) : stored.has(sha256)
  })
}

function versionsOf({ versions, project }: ProjectPage, files: readonly ListedFile[]): Pick<ProjectPage, 'versions'> {
  if (versions === undefined) return {}
  const keys = new Set(files.map(({ filename }) => versionKey(findVersion(filename, project) ?? '')))
  return { versions: versions.filter((version) => keys.has(versionKey(version))) }
}

function isSame(left: readonly ListedFile[], right: readonly ListedFile[]): boolean {
  return left.length === right.length && left.every((file, at) => file === right[at])
}

function sha256Of({ hashes }: ListedFile): Sha256 | undefined {
  return hashes['sha256'] as Sha256 | undefined
}
