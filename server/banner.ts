import { pipCommand } from '../routes/pip-command.ts'
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
export function renderBanner(config: Pick<Config, 'indexes' | 'virtuals' | 'data'>, facts: BannerFacts): string {
  const listening = new URL(facts.url)
  const near = withHost(listening, isWildcard(listening.hostname) ? '127.0.0.1' : listening.hostname)
  const isOneOfMany = config.indexes.length + config.virtuals.length > 1
  const named = ({ name, default: isDefault }: { readonly name: string; readonly default: boolean }): string =>
    `as "${name}"${isDefault && isOneOfMany ? ', the default' : ''}`
  const lines = [
    `arbor listens on ${facts.url}`,
    '',
    ...config.indexes.map((index) => `  fronts  ${index.url.href} ${named(index)}`),
    ...config.virtuals.map((virtual) => `  joins   ${virtual.indexes.join(', ')} ${named(virtual)}`),
    `  stores  in ${config.data}`,
    `  admin   token ${facts.tokenFile === undefined ? 'as configured' : `in ${facts.tokenFile}`}`,
    '',
    'Install through it:',
    `  ${pipCommand(indexAt(near), 'rich')}`,
    `  uv pip install --index-url ${indexAt(near).href} rich`,
    ...(isWildcard(listening.hostname)
      ? ['from another machine:', `  ${pipCommand(indexAt(withHost(listening, facts.machine)), 'rich')}`]
      : []),
    '',
    'Then see what is in a wheel, by the SHA-256 that the index gives for it:',
    `  curl ${near.href}wheels/sha256:<64 hex digits>/tree`,
    '',
  ]
  return `${lines.join('\n')}\n`
}

function indexAt(base: URL): URL {
  return new URL('simple/', base)
}

function isWildcard(hostname: string): boolean {
  return hostname === '0.0.0.0' || hostname === '[::]'
}

function withHost(url: URL, hostname: string): URL {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}
