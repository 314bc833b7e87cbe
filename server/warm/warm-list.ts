import type { WarmFormat } from '../../routes/administration.ts'
import { RouteError } from '../../routes/errors.ts'
import type { Sha256 } from '../../storage/digest.ts'
import type { Filename, ProjectName } from '../../storage/names.ts'
import { parsePdmLock, parsePoetryLock } from './parse-poetry-lock.ts'
import { parsePylock } from './parse-pylock.ts'
import { parseRequirements } from './parse-requirements.ts'
import { parseUvLock } from './parse-uv-lock.ts'

/** What is to be fetched of one project. */
export type Wish =
  /** One file; without a SHA-256, whatever bytes the index lists under its name. */
  | {
      readonly kind: 'file'
      readonly project: ProjectName
      readonly filename: Filename
      readonly sha256: Sha256 | undefined
    }
  /** Of a version, the files with these digests; without any, all its wheels, or its sdist where it has no wheel. */
  | {
      readonly kind: 'version'
      readonly project: ProjectName
      readonly version: string
      readonly sha256s: ReadonlySet<Sha256>
    }

/** Something on a list that is not fetched. */
export interface Skipped {
  /** As the list has it, shortened. */
  readonly entry: string
  readonly reason: string
}

/** A lock file, as far as it says what to fetch. */
export interface WarmList {
  readonly wishes: readonly Wish[]
  readonly skipped: readonly Skipped[]
}

const PARSERS: Readonly<Record<WarmFormat, (text: string) => WarmList>> = {
  requirements: parseRequirements,
  pylock: parsePylock,
  'uv-lock': parseUvLock,
  'poetry-lock': parsePoetryLock,
  'pdm-lock': parsePdmLock,
}

/** Throws a {@link RouteError} where the text is not what it should be, or names nothing to fetch. */
export function parseWarmList(text: string, format: WarmFormat | undefined): WarmList {
  const list = PARSERS[format ?? detectFormat(text)](text)
  if (list.wishes.length > 0) return list
  const [first] = list.skipped
  const why = first === undefined ? 'it is empty' : `${first.entry}: ${first.reason}`
  throw new RouteError('ERR_BAD_REQUEST', `The list names nothing to fetch: ${why}.`)
}

/** By what no file of another format has at the start of a line. */
function detectFormat(text: string): WarmFormat {
  if (/^\[\[ *packages *\]\]/m.test(text)) return 'pylock'
  const hasPackages = /^\[\[ *package *\]\]/m.test(text)
  if (/^lock-version *=/m.test(text)) return hasPackages ? 'poetry-lock' : 'pylock'
  if (!hasPackages) return 'requirements'
  return /^lock_version *=/m.test(text) ? 'pdm-lock' : 'uv-lock'
}
