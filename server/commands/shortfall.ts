import * as v from 'valibot'
import { printable, showBytes } from './outline.ts'

/** By how much a prune stays short of its limits, as a server tells of it. */
export const shortfallSchema = v.looseObject({
  storedBytes: v.optional(v.number()),
  files: v.optional(v.number()),
  freeBytes: v.optional(v.number()),
  reason: v.string(),
})

const REASONS: Readonly<Record<string, string>> = {
  pinned: 'what else would go is pinned',
  'not-selected': 'nothing else was selected',
  'nothing-left': 'there is nothing else to delete',
}

/** How much is missing, and why no more goes; part of a sentence. */
export function describeShortfall({
  storedBytes,
  files,
  freeBytes,
  reason,
}: v.InferOutput<typeof shortfallSchema>): string {
  const tooMany = [
    storedBytes === undefined ? [] : showBytes(storedBytes),
    files === undefined ? [] : `${files.toLocaleString('en')} files`,
  ].flat()
  const missing = [
    tooMany.length === 0 ? [] : `${tooMany.join(' and ')} too many stay stored`,
    freeBytes === undefined ? [] : `${showBytes(freeBytes)} more would have to be free on the disk`,
  ]
  return `${missing.flat().join(', ')}; ${REASONS[reason] ?? printable(reason)}`
}
