/** How one contestant did in one round. */
export interface Turn<Contestant> {
  readonly contestant: Contestant
  /** From 0. */
  readonly round: number
}

/**
 * Measures contestants in turns, A B C, A B C, …, so that whatever else the machine is busy with strikes all of them alike.
 * Returns the median of each.
 */
export async function measureInRounds<Contestant>(
  contestants: readonly Contestant[],
  options: {
    readonly rounds: number
    readonly signal: AbortSignal
    /** One round is enough for it. */
    readonly once?: (contestant: Contestant) => boolean
  },
  measure: (turn: Turn<Contestant>) => Promise<number>,
): Promise<Map<Contestant, number>> {
  const results = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const contestant of contestants) {
      options.signal.throwIfAborted()
      if (round > 0 && options.once?.(contestant) === true) continue
      results.get(contestant)?.push(await measure({ contestant, round }))
    }
  }
  return new Map([...results].map(([contestant, figures]) => [contestant, medianOf(figures)]))
}

/** The middle one, or the mean of the two in the middle. Throws a RangeError where there is none. */
export function medianOf(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  if (upper === undefined || lower === undefined) throw new RangeError('nothing was measured')
  return (upper + lower) / 2
}
