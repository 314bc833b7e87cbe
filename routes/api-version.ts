import type { ProjectPage } from '../storage/model.ts'

/** The version that a list of projects has: its form has not changed from 1.0 to 1.4. */
export const LIST_VERSION = '1.4'

/**
 * The highest version of the Simple API that a page satisfies (B1). 1.1 demands `versions` and each
 * file's `size` (PEP 700); 1.2 to 1.4 added only what may be left out, so it is 1.4 or 1.0.
 */
export function versionOf(page: ProjectPage): '1.4' | '1.0' {
  return page.versions !== undefined && page.files.every((file) => file.size !== undefined) ? '1.4' : '1.0'
}

/** PEP 792: of a quarantined project nothing may be offered. */
export function offeredFiles(page: ProjectPage): ProjectPage['files'] {
  return page.projectStatus?.status === 'quarantined' ? [] : page.files
}
