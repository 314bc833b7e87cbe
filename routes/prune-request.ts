import type { PruneBudget } from '../storage/catalog/catalog.ts'
import { RouteError } from './errors.ts'
import { parseByteCount, parseDuration } from '../storage/units.ts'

export interface PruneRequest {
  readonly dryRun: boolean
  readonly budget: PruneBudget
}

/**
 * The JSON body of POST /admin/prune; an empty one is a dry run without a budget. A key that we do not know is an error, lest a misspelt limit
 * prunes without it. Throws a 400 that says what is wrong.
 */
export function parsePruneRequest(text: string): PruneRequest {
  const { dryRun = true, maxBytes, unusedFor, ...unknown } = parseObject(text)
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) {
    throw badRequest(`${JSON.stringify(stranger)} is unknown; known are "dryRun", "maxBytes" and "unusedFor".`)
  }
  if (typeof dryRun !== 'boolean') throw badRequest('"dryRun" is true or false.')
  const budget: PruneBudget = {
    maxBytes: maxBytes === undefined ? undefined : parseByteCount(maxBytes),
    unusedForMs: unusedFor === undefined ? undefined : parseDuration(unusedFor),
  }
  if (maxBytes !== undefined && budget.maxBytes === undefined) {
    throw badRequest('"maxBytes" is a number of bytes, or a text such as "50GiB".')
  }
  if (unusedFor !== undefined && budget.unusedForMs === undefined) {
    throw badRequest('"unusedFor" is a text such as "30d" or "12h".')
  }
  return { dryRun, budget }
}

function parseObject(text: string): Record<string, unknown> {
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw badRequest('The body is not JSON.', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('The body is not a JSON object.')
  return value as Record<string, unknown>
}

function badRequest(detail: string, options: ErrorOptions = {}): RouteError {
  return new RouteError('ERR_BAD_REQUEST', detail, options)
}
