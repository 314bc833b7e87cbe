import type { Config } from './config.ts'

export interface BannerFacts {
  /** Where it listens, without a trailing slash. */
  readonly url: string
  /** Where the admin token is kept; undefined where it was configured. */
  readonly tokenFile: string | undefined
  /** This machine's name, as others call it. */
  readonly machine: string
}

/**
 * The first lines on standard output, for a person who just started Arbor. The very first is for scripts too:
 * `arbor listens on <url>`.
 */
export function renderBanner(config: Pick<Config, 'indexes' | 'data'>, facts: BannerFacts): string {
  const listening = new URL(facts.url)
  const near = withHost(listening, isWildcard(listening.hostname) ? '127.0.0.1' : listening.hostname)
  const lines = [
    `arbor listens on ${facts.url}`,
    '',
    ...config.indexes.map(({ name, url, default: isDefault }) => {
      return `  fronts  ${url.href} as "${name}"${isDefault && config.indexes.length > 1 ? ', the default' : ''}`
    }),
    `  stores  in ${config.data}`,
    `  admin   token ${facts.tokenFile === undefined ? 'as configured' : `in ${facts.tokenFile}`}`,
    '',
    'Install through it:',
    `  ${pipCommand(near)}`,
    `  uv pip install --index-url ${near.href}simple/ rich`,
    ...(isWildcard(listening.hostname)
      ? ['from another machine:', `  ${pipCommand(withHost(listening, facts.machine))}`]
      : []),
    '',
    'Then see what is in a wheel, by the SHA-256 that the index gives for it:',
    `  curl ${near.href}wheels/sha256:<64 hex digits>/tree`,
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** pip refuses an index without TLS, unless it is on this machine or named as trusted. */
function pipCommand(url: URL): string {
  const trusted = url.protocol === 'https:' || isLoopback(url.hostname) ? '' : ` --trusted-host ${url.hostname}`
  return `pip install --index-url ${url.href}simple/${trusted} rich`
}

/** As pip has it: `localhost`, 127.0.0.0/8 and ::1. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function isWildcard(hostname: string): boolean {
  return hostname === '0.0.0.0' || hostname === '[::]'
}

function withHost(url: URL, hostname: string): URL {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}
