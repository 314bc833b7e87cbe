import manifest from '../package.json' with { type: 'json' }

/** Arbor's version (semver). */
export const version: string = manifest.version

/** What upstreams see of us in their logs. */
export const userAgent = `arbor/${version}`
