import type { ProjectPage } from '../storage/model.ts'
import { findVersion, versionKey } from '../storage/versions.ts'

/**
 * PEP 700: every listed file's version must be among `versions`. Upstream's list as it is, and what it lacks;
 * undefined where upstream has none.
 */
export function completeVersions({ versions, files, project }: ProjectPage): readonly string[] | undefined {
  if (versions === undefined) return undefined
  const seen = new Set(versions)
  let keys: Set<string> | undefined
  const missing: string[] = []
  for (const { filename } of files) {
    const version = findVersion(filename, project)
    if (version === undefined || seen.has(version)) continue
    seen.add(version)
    // Some lists have `1.0.0` for the `1.0` of a file name: a version is missing only where no listed one is equal to it.
    keys ??= new Set(versions.map((listed) => versionKey(listed)))
    if (keys.has(versionKey(version))) continue
    keys.add(versionKey(version))
    missing.push(version)
  }
  return missing.length === 0 ? versions : [...versions, ...missing]
}
