import type { FileReference } from '../routes/repository.ts'
import { type ProjectName, projectsOf } from '../storage/names.ts'

/** The projects that a file may be of, by what its URL says, most likely first. */
export function namedProjectsOf({ project, filename }: FileReference): readonly ProjectName[] {
  return project === undefined ? projectsOf(filename) : [project]
}
