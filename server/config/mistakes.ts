/** One thing that is wrong with the configuration. */
export interface Mistake {
  /** The setting's dotted name, the variable's name, the flag, or `file:line:column`. */
  readonly where: string
  /** What was expected and what was found; never a secret. */
  readonly problem: string
}

/** The configuration cannot be used; all that is wrong with it at once, one line each in `message`. */
export class ConfigError extends Error {
  readonly code = 'ERR_CONFIG'
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
    super(
      [`${count} in the configuration:`, ...mistakes.map(({ where, problem }) => `  ${where}: ${problem}`)].join('\n'),
    )
    this.mistakes = mistakes
  }
}

/** The known word that `word` was probably meant to be, as a sentence's end; else all of them. */
export function suggest(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 3))
    .toSorted((a, b) => a.distance - b.distance)
  return nearest === undefined ? `known are ${known.join(', ')}` : `did you mean ${nearest.candidate}?`
}

/** Levenshtein's: insertions, deletions and replacements from one to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const replace = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1)
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
