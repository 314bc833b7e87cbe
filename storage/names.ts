import { MalformedError } from './errors.ts'

declare const brand: unique symbol

/** A project's name, normalized (PEP 503). */
export type ProjectName = string & { readonly [brand]: 'ProjectName' }

/** The name under which we serve an index: what stands in the URL before `/simple/`. */
export type IndexName = string & { readonly [brand]: 'IndexName' }

/** The file name of a distribution, or of anything else that an index lists: one path component, safe to put in a URL. */
export type Filename = string & { readonly [brand]: 'Filename' }

/** A path inside a tree: components joined by `/`, relative, canonical (test/hostile, rows 29 to 42). */
export type TreePath = string & { readonly [brand]: 'TreePath' }

/** PEP 503: `re.sub(r"[-_.]+", "-", name).lower()`. */
export function normalizeProjectName(text: string): string {
  return text.replaceAll(/[-_.]+/g, '-').toLowerCase()
}

/** Accepts any valid spelling of a name and returns the normalized one. Throws {@link MalformedError}. */
export function parseProjectName(text: string): ProjectName {
  if (!/^[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?$/i.test(text) || text.length > 255) {
    throw new MalformedError(
      'project name',
      text,
      'ASCII letters, digits, ".", "-" and "_", first and last a letter or digit',
    )
  }
  return normalizeProjectName(text) as ProjectName
}

/** Throws {@link MalformedError}. */
export function parseIndexName(text: string): IndexName {
  if (!/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(text) || text.length > 64) {
    throw new MalformedError(
      'index name',
      text,
      'lower-case ASCII letters, digits, ".", "-" and "_", first and last a letter or digit',
    )
  }
  return text as IndexName
}

/** Throws {@link MalformedError} for what could be a path, a query or a control sequence rather than a file's name. */
export function parseFilename(text: string): Filename {
  const isComponent = text !== '' && text !== '.' && text !== '..' && !/[/\\?#\p{Cc}]/u.test(text)
  if (!isComponent || !text.isWellFormed() || Buffer.byteLength(text) > 255) {
    throw new MalformedError(
      'file name',
      text,
      'one path component of at most 255 bytes of Unicode, without control characters, "?" and "#"',
    )
  }
  return text as Filename
}

const SDIST_ENDINGS = ['.tar.gz', '.tgz', '.zip', '.tar.bz2', '.tar.xz', '.tar.zst', '.tar.Z', '.tar']

export function isWheel(filename: string): boolean {
  return filename.toLowerCase().endsWith('.whl')
}

/**
 * The projects that a file may belong to, most likely first: a wheel's name says it exactly (PEP 427: the part before the
 * first "-"), an sdist's only up to where its version starts (PEP 625 forbids "-" in both, older ones use it), so that
 * `a-b-1.0.tar.gz` may be `a-b`, or `a`.
 */
export function projectsOf(filename: Filename): ProjectName[] {
  const ending = isWheel(filename) ? '.whl' : SDIST_ENDINGS.find((candidate) => filename.endsWith(candidate))
  const stem = ending === undefined ? filename : filename.slice(0, -ending.length)
  const parts = stem.split('-')
  const candidates = isWheel(filename)
    ? [parts[0] ?? stem]
    : parts.map((_, count) => parts.slice(0, parts.length - count).join('-')).slice(1)
  return candidates.flatMap((name) => {
    try {
      return [parseProjectName(name)]
    } catch {
      return []
    }
  })
}
