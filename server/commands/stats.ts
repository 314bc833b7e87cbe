import type { Config } from '../config.ts'
import { AdminError, askServer } from './admin-client.ts'
import { outline } from './outline.ts'

export interface StatsOptions {
  readonly server?: URL | undefined
  readonly json: boolean
}

/** `arbor stats`: what a running server did and holds, as text. Throws {@link AdminError}. */
export async function renderStats(config: Config, { server, json }: StatsOptions): Promise<string> {
  const stats = await askServer(config, { method: 'GET', path: 'admin/stats', server })
  if (json) return `${JSON.stringify(stats, undefined, 2)}\n`
  if (typeof stats !== 'object' || stats === null)
    throw new AdminError('the server answered with something else than stats')
  return outline(stats)
}
