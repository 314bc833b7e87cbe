import { type Filename, parseFilename, parseProjectName, type ProjectName } from '../../storage/names.ts'
import { parseSha256, type Sha256 } from '../../storage/digest.ts'
import { RouteError } from '../../routes/errors.ts'
import { redactUrl } from '../redact.ts'
import type { Skipped, WarmList, Wish } from './warm-list.ts'

/** More no lock file names; each takes memory until its job is forgotten. */
const MAX_ENTRIES = 100_000

/** A package as a lock file has it, not checked. */
export interface LockedPackage {
  readonly name: string | undefined
  /** What it comes from, if that is no index. */
  readonly elsewhere: string | undefined
  readonly files: readonly LockedFile[]
}

export interface LockedFile {
  /** Its name, or a URL or path that ends with it. */
  readonly location: string | undefined
  readonly sha256: string | undefined
}

/** Collects what the entries of a list come to. Throws a {@link RouteError} where they are too many. */
export class ListBuilder {
  readonly #wishes: Wish[] = []
  readonly #skipped: Skipped[] = []

  add(wish: Wish): void {
    this.#wishes.push(wish)
    this.#limit()
  }

  /** Without the credentials of URLs in it: what was skipped is told, and stands in the logs of CI. */
  skip(entry: string, reason: string): void {
    this.#skipped.push({ entry: redactUrl(entry).slice(0, 200), reason: redactUrl(reason) })
    this.#limit()
  }

  /** Every file of a package, whatever machine it is for. */
  addPackage({ name, elsewhere, files }: LockedPackage): void {
    const project = findProjectName(name)
    if (project === undefined) return this.skip(name ?? 'a package', 'it has no name that a project can have')
    if (elsewhere !== undefined) return this.skip(project, `it comes from "${elsewhere}", not from an index`)
    if (files.length === 0) return this.skip(project, 'it lists no wheel and no sdist')
    for (const { location, sha256 } of files) {
      const filename = findFilename(location)
      if (filename !== undefined) this.add({ kind: 'file', project, filename, sha256: findSha256(sha256) })
      else this.skip(`${project}: ${location ?? 'a file'}`, 'it has no name that a file can have')
    }
  }

  build(): WarmList {
    return { wishes: this.#wishes, skipped: this.#skipped }
  }

  #limit(): void {
    if (this.#wishes.length + this.#skipped.length <= MAX_ENTRIES) return
    throw new RouteError('ERR_BAD_REQUEST', `The list has more than ${MAX_ENTRIES} entries: give it in parts.`)
  }
}

/** Undefined where it is no project's name. */
export function findProjectName(text: string | undefined): ProjectName | undefined {
  return orUndefined(text, parseProjectName)
}

/** Undefined where there is none that can be read. */
export function findSha256(hex: string | undefined): Sha256 | undefined {
  return orUndefined(hex, parseSha256)
}

/** The last component of a URL or a path, where it can be a file's name. */
function findFilename(location: string | undefined): Filename | undefined {
  const [path] = location?.split(/[?#]/, 1) ?? []
  return orUndefined(path?.split(/[/\\]/).at(-1), (last) => parseFilename(decodeURIComponent(last)))
}

function orUndefined<Value>(text: string | undefined, read: (text: string) => Value): Value | undefined {
  try {
    return text === undefined ? undefined : read(text)
  } catch {
    return undefined
  }
}
