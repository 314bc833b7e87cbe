/** Milliseconds since the epoch. Passed in wherever time matters, so that a test can be exact. */
export type Clock = () => number

/** The real one; named here and nowhere else. */
export const systemClock: Clock = () => Date.now()
