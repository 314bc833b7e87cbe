import type { FileReference, PageSnapshot } from '../../routes/repository.ts'
import type { ListedFile } from '../../storage/model.ts'
import { type IndexName, isWheel, type ProjectName } from '../../storage/names.ts'
import { findVersion, isSameVersion } from '../../storage/versions.ts'
import type { Listing } from '../find-listing.ts'
import type { IndexSource } from '../index-source.ts'
import type { PageSource } from '../page-source.ts'
import { findVirtual, type VirtualIndex } from '../virtual-index.ts'
import { findSha256 } from './list-builder.ts'
import type { Wish } from './warm-list.ts'

/** A file that is to be fetched, as its index lists it. */
export interface Wanted {
  readonly source: IndexSource
  readonly reference: FileReference
  readonly listing: Listing
  /** The SHA-256 that the list asks for, if it says one. */
  readonly sha256: FileReference['sha256']
}

export interface WarmIndexes {
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
  readonly virtuals: ReadonlyMap<IndexName, VirtualIndex>
  readonly pages: PageSource
}

/** What an index lists of a wish; or why there is nothing. Throws {@link UpstreamError} where that cannot be known. */
export async function findWanted(
  parts: WarmIndexes,
  name: IndexName,
  wish: Wish,
): Promise<readonly Wanted[] | { readonly reason: string }> {
  const snapshot = await findPage(parts, name, wish.project)
  const source = snapshot && parts.indexes.get(snapshot.index)
  if (snapshot === undefined || source === undefined) return { reason: `${name} has no project ${wish.project}` }
  if (snapshot.page.projectStatus?.status === 'quarantined') return { reason: `${name} has it in quarantine` }
  const files = choose(wish, snapshot.page.files)
  if (files.length === 0) return { reason: whyNone(wish, source.name, snapshot.page.files) }
  return files.map((listed) => {
    const { filename } = listed
    const sighting = { index: source.name, project: wish.project, filename }
    const reference = { ...sighting, sha256: digestOf(listed) }
    return { source, reference, listing: { listed, sighting }, sha256: wish.kind === 'file' ? wish.sha256 : undefined }
  })
}

async function findPage(
  { indexes, virtuals, pages }: WarmIndexes,
  name: IndexName,
  project: ProjectName,
): Promise<PageSnapshot | undefined> {
  const virtual = virtuals.get(name)
  if (virtual !== undefined) return findVirtual(virtual, { project, pages })
  const source = indexes.get(name)
  return source && pages.find(source, project)
}

function choose(wish: Wish, files: readonly ListedFile[]): readonly ListedFile[] {
  if (wish.kind === 'file') {
    const { filename, sha256 } = wish
    const named = files.filter((file) => file.filename === filename)
    // Where the index lists no SHA-256, it can be compared only once the file is downloaded.
    const meant = named.filter((file) => sha256 === undefined || (digestOf(file) ?? sha256) === sha256)
    if (meant.length > 0 || sha256 === undefined) return meant
    // uv's pylock.toml has each wheel's name in its own spelling: `pyyaml-6.0-…` for `PyYAML-6.0-…`.
    return files.filter((file) => digestOf(file) === sha256).slice(0, 1)
  }
  const { project, version, sha256s } = wish
  if (sha256s.size > 0) {
    return files.filter((file) => {
      const sha256 = digestOf(file)
      return sha256 !== undefined && sha256s.has(sha256)
    })
  }
  const released = files.filter(({ filename }) => isSameVersion(findVersion(filename, project), version))
  const wheels = released.filter(({ filename }) => isWheel(filename))
  return wheels.length > 0 ? wheels : released
}

function whyNone(wish: Wish, index: IndexName, files: readonly ListedFile[]): string {
  const isOther = wish.kind === 'file' && files.some(({ filename }) => filename === wish.filename)
  return isOther ? `${index} lists other bytes under that name` : `${index} lists no such file`
}

function digestOf({ hashes }: ListedFile): FileReference['sha256'] {
  return findSha256(hashes['sha256'])
}
