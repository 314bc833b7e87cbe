import type { Damage } from '../storage/healing.ts'
import type { Log } from './log.ts'

const MESSAGES: Readonly<Record<Damage['stage'], string>> = {
  found: 'a stored file is damaged or gone: it was taken out of service, and is being replaced',
  healed: 'a damaged file was replaced',
  'not healed': 'a damaged file could not be replaced: the next request for it tries again',
}

/** Tells the operator of a damaged file, once when it is found and once when it is known what became of it. */
export function logDamage(log: Log, { blake3, state, stage, distribution, wheels, trees, error }: Damage): void {
  const files = distribution?.sightings.map(({ filename }) => filename)
  const facts = { blake3, state, files, wheels: wheels.length, trees: trees.length }
  log[stage === 'healed' ? 'info' : 'warn']({ ...facts, ...(error !== undefined && { err: error }) }, MESSAGES[stage])
}
