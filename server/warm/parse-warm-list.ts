import type { WarmFormat } from '../../routes/administration.ts'
import { RouteError } from '../../routes/errors.ts'
import { parsePdmLock, parsePoetryLock } from './parse-poetry-lock.ts'
import { parsePylock } from './parse-pylock.ts'
import { parseRequirements } from './parse-requirements.ts'
import { parseUvLock } from './parse-uv-lock.ts'
import type { WarmList } from './warm-list.ts'

const PARSERS: Readonly<Record<WarmFormat, (text: string) => WarmList>> = {
  requirements: parseRequirements,
  pylock: parsePylock,
  'uv-lock': parseUvLock,
  'poetry-lock': parsePoetryLock,
  'pdm-lock': parsePdmLock,
}

/** Reads a lock file. `format` undefined: the one that it looks like. Throws a {@link RouteError} where it cannot be read, or names nothing to fetch. */
export function parseWarmList(text: string, format: WarmFormat | undefined): WarmList {
  const list = PARSERS[format ?? detectFormat(text)](text)
  if (list.wishes.length > 0) return list
  const [first] = list.skipped
  const why = first === undefined ? 'it is empty' : `${first.entry}: ${first.reason}`
  throw new RouteError('ERR_BAD_REQUEST', `The list names nothing to fetch: ${why}.`)
}

/** By lines that only one of the formats has. */
function detectFormat(text: string): WarmFormat {
  if (/^\[\[ *packages *\]\]/m.test(text)) return 'pylock'
  const hasPackages = /^\[\[ *package *\]\]/m.test(text)
  if (/^lock-version *=/m.test(text)) return hasPackages ? 'poetry-lock' : 'pylock'
  if (!hasPackages) return 'requirements'
  return /^lock_version *=/m.test(text) ? 'pdm-lock' : 'uv-lock'
}
