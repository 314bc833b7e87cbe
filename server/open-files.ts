import type { Log } from './log.ts'

/** With fewer descriptors than this, some hundred clients take them all. */
const FEW = 1024

/** How many files and connections this process may have open at once (`ulimit -n`), where they are few; else undefined. */
export function findTightFileLimit(): number | undefined {
  // Each connection would be looked up by name. Node's types do not know it yet.
  Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' && soft < FEW ? soft : undefined
}

/**
 * How many descriptors the blob store may keep for whoever reads next, where there are so few that clients may need these; the log then says so,
 * since nothing tells of a connection for which there is none.
 */
export function keptFilesWithin(limit: number | undefined, log: Log): { readonly maxKeptFiles?: number } {
  if (limit === undefined) return {}
  log.warn(
    { limit },
    'few files may be open at once (ulimit -n): connections beyond that are refused without a line here',
  )
  return { maxKeptFiles: Math.floor(limit / 4) }
}
