/** How old a page may be, milliseconds. */
export interface FreshnessPolicy {
  /** Served without asking upstream. */
  readonly freshMs: number
  /** Served when upstream cannot answer (RFC 5861: stale-if-error), counted from when it stopped being fresh. */
  readonly staleForMs: number
}

export function isFresh(fetchedAt: number, now: number, policy: FreshnessPolicy): boolean {
  return now - fetchedAt < policy.freshMs
}

/** May it be served although upstream could not confirm it? */
export function isServableStale(fetchedAt: number, now: number, policy: FreshnessPolicy): boolean {
  return now - fetchedAt < policy.freshMs + policy.staleForMs
}
