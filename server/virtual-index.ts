import type { PageOptions, PageSnapshot, ProjectListSnapshot } from '../routes/repository.ts'
import { type IndexName, normalizeProjectName, type ProjectName } from '../storage/names.ts'
import { Pace } from '../storage/pace.ts'
import type { IndexSource } from './index-source.ts'
import type { ListSource } from './list-source.ts'
import type { PageSource } from './page-source.ts'

/** Several indexes under one name. */
export interface VirtualIndex {
  readonly name: IndexName
  /** In the order in which they are asked. */
  readonly indexes: readonly IndexSource[]
  /** Projects that come from one of them, whatever the others have. */
  readonly pins: ReadonlyMap<ProjectName, IndexSource>
}

type Found = PageSnapshot | undefined

interface Search {
  readonly project: ProjectName
  readonly pages: Pick<PageSource, 'find' | 'noteAbsence'>
  readonly options?: PageOptions
}

/**
 * The page of the first index that has the project, as a whole: pages are never mixed (B18), so that nobody can add a file to a project
 * of an earlier index. An index that cannot answer ends the search with its error: to go on would be dependency confusion. No promise
 * where all that are asked have an answer at hand.
 */
export function findVirtual({ indexes, pins }: VirtualIndex, search: Search): Found | Promise<Found> {
  const { project, pages, options } = search
  const pinned = pins.get(project)
  if (pinned !== undefined) return pages.find(pinned, project, options)
  for (const [place, index] of indexes.entries()) {
    const found = pages.find(index, project, options)
    if (found instanceof Promise) return findFrom(indexes, { place, found }, search)
    if (found !== undefined) return found
  }
  return undefined
}

async function findFrom(
  indexes: readonly IndexSource[],
  first: { readonly place: number; readonly found: Promise<Found> },
  { project, pages, options }: Search,
): Promise<Found> {
  let { place } = first
  let found = await first.found
  for (const index of indexes.slice(place + 1)) {
    if (found !== undefined) break
    place += 1
    found = await pages.find(index, project, options)
  }
  // After a restart the right index is then found also while upstream cannot, or may not, be asked.
  if (found !== undefined) for (const index of indexes.slice(0, place)) pages.noteAbsence(index, project)
  return found
}

/** The projects of all of them, each once. Rejects where one has no list that can be had: a part would look like the whole. */
export async function listVirtual(virtual: VirtualIndex, lists: ListSource): Promise<ProjectListSnapshot> {
  const snapshots = await Promise.all(virtual.indexes.map((index) => lists.find(index)))
  const kept = merged.get(virtual)
  if (kept?.parts.every((part, place) => part === snapshots[place]) === true) return kept.snapshot
  const names = new Map<string, string>()
  const pace = new Pace()
  for (const { projects } of snapshots) {
    for (const [place, name] of projects.entries()) {
      const normalized = normalizeProjectName(name)
      if (!names.has(normalized)) names.set(normalized, name)
      if (place % 1000 === 0 && pace.isDue) await pace.rest()
    }
  }
  const snapshot = { index: virtual.name, projects: [...names.values()] }
  merged.set(virtual, { parts: snapshots, snapshot })
  return snapshot
}

/** The last merge, so that what is rendered of it is rendered once. */
const merged = new WeakMap<
  VirtualIndex,
  { readonly parts: readonly ProjectListSnapshot[]; readonly snapshot: ProjectListSnapshot }
>()
