import type { Sighting } from '../storage/model.ts'
import { isWheel, normalizeProjectName } from '../storage/names.ts'

/** The version in a distribution's file name, as it is spelt there; undefined where the name does not say. */
export function versionOf({ filename, project }: Pick<Sighting, 'filename' | 'project'>): string | undefined {
  // PEP 427: {distribution}-{version}-…
  if (isWheel(filename)) return filename.split('-')[1]
  const stem = /^(.+?)\.(?:tar(?:\.[A-Za-z0-9]+)?|tgz|zip)$/.exec(filename)?.[1]
  // An older sdist's project may hold a "-" too: what follows the name that we know is the version.
  const parts = stem?.split('-') ?? []
  const count = parts.findIndex((_, index) => normalizeProjectName(parts.slice(0, index).join('-')) === project)
  return count === -1 ? undefined : parts.slice(count).join('-')
}
