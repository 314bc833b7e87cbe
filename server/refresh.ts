import type { Refreshed } from '../routes/administration.ts'
import type { ProjectPage } from '../storage/model.ts'
import type { Filename, ProjectName } from '../storage/names.ts'
import type { IndexSource } from './index-source.ts'
import type { PageSource } from './page-source.ts'

/** Asks upstream for a page now, and tells what that changed. Throws {@link UpstreamError}, rather than go on with a stale page. */
export async function refresh(pages: PageSource, index: IndexSource, project: ProjectName): Promise<Refreshed> {
  const { before, after } = await pages.refresh(index, project)
  const was = filesOf(before)
  const is = filesOf(after)
  const added = [...is.keys()].filter((name) => was.get(name) !== is.get(name))
  const removed = [...was.keys()].filter((name) => !is.has(name))
  return { index: index.name, project, state: compare(before, after), files: is.size, added, removed }
}

function compare(before: ProjectPage | undefined, after: ProjectPage | undefined): Refreshed['state'] {
  if (before === undefined) return after === undefined ? 'absent' : 'new'
  if (after === undefined) return 'gone'
  return before === after || JSON.stringify(before) === JSON.stringify(after) ? 'unchanged' : 'changed'
}

/** What tells a file from another of its name. */
function filesOf(page: ProjectPage | undefined): ReadonlyMap<Filename, string> {
  return new Map(page?.files.map(({ filename, url, hashes }) => [filename, hashes['sha256'] ?? url]))
}
