import type { Hashes } from '../storage/model.ts'

/** From the most to the least worth; where an index lists no SHA-256, the first that it does list is passed on. */
const PREFERENCE = [
  'sha256',
  'sha512',
  'sha384',
  'blake2b',
  'sha3_512',
  'sha3_384',
  'sha3_256',
  'blake2s',
  'sha3_224',
  'sha224',
  'sha1',
  'md5',
] as const

/**
 * What shipping installers read in the fragment of an HTML link: one that uv does not know costs it the whole page,
 * blake2b means nothing to pip.
 */
const IN_FRAGMENTS = new Set(['sha256', 'sha512', 'sha384', 'md5'])

/** The one hash that a JSON page lists for a file: several would be one too many for installers that look at the first only. */
export function chooseHash(hashes: Hashes): Record<string, string> {
  const name = PREFERENCE.find((candidate) => hashes[candidate] !== undefined)
  return name === undefined ? {} : { [name]: hashes[name] ?? '' }
}

/** The fragment of a link in HTML, with its `#`; empty where no hash can stand there. */
export function formatFragment(hashes: Hashes): string {
  const name = PREFERENCE.find((candidate) => IN_FRAGMENTS.has(candidate) && hashes[candidate] !== undefined)
  return name === undefined ? '' : `#${name}=${hashes[name]}`
}
