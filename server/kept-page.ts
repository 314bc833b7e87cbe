import type { PageSnapshot } from '../routes/repository.ts'
import type { ListedFile, ProjectPage } from '../storage/model.ts'

/** What is known of a project on its index. */
export interface KeptPage {
  /** Undefined: upstream had no such project. */
  readonly snapshot: PageSnapshot | undefined
  /** As upstream had it. */
  readonly page: ProjectPage | undefined
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** When upstream last confirmed it, milliseconds since the epoch. */
  readonly fetchedAt: number
  /** Where upstream has no such project: when that was last written to the catalog, milliseconds since the epoch. */
  readonly notedAt?: number | undefined
  /** Rough size in memory, bytes. */
  readonly weight: number
}

/** Upstream has no such project. */
export const ABSENT = { snapshot: undefined, page: undefined, etag: undefined, lastModified: undefined, weight: 256 }

/** Compares what {@link PageSource} made of one page of upstream at two times: only metadata marks and upload times can differ. */
export function saysTheSame(left: ProjectPage, right: ProjectPage): boolean {
  return (
    left === right ||
    left.files.every(({ coreMetadata, uploadTime }, at) => {
      const other = right.files[at]
      return isSameMark(coreMetadata, other?.coreMetadata) && uploadTime === other?.uploadTime
    })
  )
}

function isSameMark(left: ListedFile['coreMetadata'], right: ListedFile['coreMetadata']): boolean {
  return left === right || (typeof left === 'object' && typeof right === 'object' && left['sha256'] === right['sha256'])
}

/** An estimate in bytes: a listed file's strings and objects take some 600, and what an index may write at any length comes on top. */
export function weigh({ files, versions = [], extra, extraMeta, projectStatus }: ProjectPage): number {
  let weight = 1024 + weighText(extra) + weighText(extraMeta) + weighText(projectStatus?.reason)
  for (const version of versions) weight += 16 + version.length
  for (const { url, requiresPython, yanked, provenance, extra: own } of files) {
    weight += 600 + weighText(url) + weighText(requiresPython) + weighText(yanked)
    weight += weighText(provenance) + weighText(own)
  }
  return weight
}

function weighText(value: unknown): number {
  if (typeof value === 'string') return value.length < 200 ? 0 : value.length
  return typeof value === 'object' ? JSON.stringify(value).length : 0
}
