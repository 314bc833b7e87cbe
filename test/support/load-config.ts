import assert from 'node:assert/strict'
import { loadConfig, type Config, type ConfigSources } from '../../server/config.ts'
import { ConfigError } from '../../server/config/mistakes.ts'

export interface GivenSettings extends Partial<ConfigSources> {
  /** What stands in /etc/arbor/arbor.toml, which is then the file that is configured. */
  readonly toml?: string
}

/** A configuration on a Linux machine on which nothing is set but what is given. */
export function loadGiven({ toml, env = {}, ...rest }: GivenSettings = {}): Promise<Config> {
  return loadConfig({
    env: toml === undefined ? env : { ARBOR_CONFIG: '/etc/arbor/arbor.toml', ...env },
    flags: {},
    platform: 'linux',
    homeFolder: '/home/me',
    workingFolder: '/somewhere',
    readFile: (path) => Promise.resolve(path === '/etc/arbor/arbor.toml' ? toml : undefined),
    ...rest,
  })
}

/** `where` of each mistake, with its problem. */
export async function mistakesOf(given: GivenSettings): Promise<ReadonlyMap<string, string>> {
  const error = await loadGiven(given).then(
    () => assert.fail('the configuration was accepted'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ConfigError, String(error))
  return new Map(error.mistakes.map(({ where, problem }) => [where, problem]))
}

/** Where there is one index. */
export function onlyIndex(config: Config): Config['indexes'][number] {
  const [index] = config.indexes
  assert.ok(index !== undefined && config.indexes.length === 1)
  return index
}
