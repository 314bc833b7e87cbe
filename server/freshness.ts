import { hasPassed } from '../storage/clock.ts'

/** How old a page may be, milliseconds. */
export interface FreshnessPolicy {
  /** Served without asking upstream. */
  readonly freshMs: number
  /** Served when upstream cannot answer (RFC 5861: stale-if-error), counted from when it stopped being fresh. */
  readonly staleForMs: number
}

/**
 * D5: a client that insists (`no-cache`, `max-age=0`) gets what upstream confirmed within this time: pip up to 26.1 insists
 * on every page, milliseconds.
 */
const INSISTED_MS = 5000

export function isFresh(
  fetchedAt: number,
  now: number,
  { freshMs }: Pick<FreshnessPolicy, 'freshMs'>,
  { insists = false }: { readonly insists?: boolean } = {},
): boolean {
  return !hasPassed(insists ? Math.min(INSISTED_MS, freshMs) : freshMs, fetchedAt, now)
}

/** May it be served although upstream could not confirm it? */
export function isServableStale(
  fetchedAt: number,
  now: number,
  policy: FreshnessPolicy & { readonly mode?: string | undefined },
): boolean {
  if (policy.mode === 'offline') return true
  return policy.mode !== 'strict' && now - fetchedAt < policy.freshMs + policy.staleForMs
}
