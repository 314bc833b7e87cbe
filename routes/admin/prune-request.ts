import type { PruneBudget, PruneSelection } from '../../storage/catalog/catalog.ts'
import { parseSha256 } from '../../storage/digest.ts'
import { MalformedError } from '../../storage/errors.ts'
import { parseIndexName, parseProjectName } from '../../storage/names.ts'
import { parseByteCount, parseDuration } from '../../storage/units.ts'
import { badRequest, parseJsonBody, refuseStrangers } from '../request-body.ts'

export interface PruneRequest {
  readonly dryRun: boolean
  readonly budget: PruneBudget
}

const KEYS = ['dryRun', 'maxBytes', 'maxFiles', 'unusedFor', 'minFree', 'only'] as const

/**
 * The JSON body of POST /admin/prune; an empty one is a dry run without a budget. A key that we do not know is an error, lest a misspelt limit
 * prunes without it. Throws a 400 that says what is wrong.
 */
export function parsePruneRequest(text: string): PruneRequest {
  const { dryRun = true, maxBytes, maxFiles, unusedFor, minFree, only } = parseJsonBody(text, KEYS)
  if (typeof dryRun !== 'boolean') throw badRequest('"dryRun" is true or false.')
  const size = '"maxBytes" is a number of bytes, or a text such as "50GiB".'
  return {
    dryRun,
    budget: {
      maxBytes: parseLimit(maxBytes, parseByteCount, size),
      maxFiles: parseLimit(maxFiles, parseCount, '"maxFiles" is a whole number.'),
      unusedForMs: parseLimit(unusedFor, parseDuration, '"unusedFor" is a text such as "30d" or "12h".'),
      keepFreeBytes: parseLimit(minFree, parseByteCount, size.replace('maxBytes', 'minFree')),
      only: only === undefined ? undefined : parseSelection(only),
    },
  }
}

function parseLimit(
  value: unknown,
  parse: (value: unknown) => number | undefined,
  expected: string,
): number | undefined {
  if (value === undefined) return undefined
  const limit = parse(value)
  if (limit === undefined) throw badRequest(expected)
  return limit
}

function parseCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** One that selects nothing is an error, since it would select everything. */
function parseSelection(value: unknown): PruneSelection {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('"only" is an object.')
  const { index, project, sha256 } = refuseStrangers(value as Record<string, unknown>, ['index', 'project', 'sha256'])
  const texts = { index, project, sha256 }
  for (const [key, text] of Object.entries(texts)) {
    if (text !== undefined && typeof text !== 'string') throw badRequest(`"${key}" is a text.`)
  }
  try {
    const selection = {
      index: typeof index === 'string' ? parseIndexName(index) : undefined,
      project: typeof project === 'string' ? parseProjectName(project) : undefined,
      sha256: typeof sha256 === 'string' ? parseSha256(sha256.replace(/^sha256:/, '')) : undefined,
    }
    if (Object.values(selection).some((chosen) => chosen !== undefined)) return selection
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw badRequest(`${error.message}.`, { cause: error })
  }
  throw badRequest('"only" says an index, a project or the SHA-256 of a distribution.')
}
