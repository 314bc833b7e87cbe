import manifest from '../package.json' with { type: 'json' }

/** Arbor's version (semver). */
export const version: string = manifest.version

/** H8: what upstreams see of us in their logs; `contact` is whom they may turn to. */
export function userAgentOf(contact: string | undefined): string {
  return contact === undefined ? `arbor/${version}` : `arbor/${version} (+${contact})`
}
