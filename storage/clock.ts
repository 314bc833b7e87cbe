/** Milliseconds since the epoch. Passed in wherever time matters, so that a test can be exact. */
export type Clock = () => number

/** The real one; named here and nowhere else. */
export const systemClock: Clock = () => Date.now()

/** Clocks are set back by so much at once without having been wrong; milliseconds. */
const SKEW_MS = 1000

/**
 * Whether it is so long, milliseconds, since a moment that was noted. Also where that is still to come: the clock was wrong then, and who waited for
 * it to pass would wait for as long as the clock was ahead.
 */
export function hasPassed(ms: number, since: number, now: number): boolean {
  const age = now - since
  return age >= ms || age <= -SKEW_MS
}
