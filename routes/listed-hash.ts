import type { Hashes } from '../storage/model.ts'

/** From the best to the worst: of the hashes that an index lists for a file, the first of these is passed on. */
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
 * The hashes that shipping installers read in the fragment of an HTML link. uv cannot read a page at all that has another one there, and pip
 * ignores blake2b.
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
