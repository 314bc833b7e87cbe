import type { Config } from '../config.ts'
import { AdminError, askServer } from './admin-client.ts'
import { formatJson, isRecord, outline } from './outline.ts'
import { renderTable } from './table.ts'

export interface StatsOptions {
  readonly server?: URL | undefined
  readonly json: boolean
  /** The traffic by day, index or project, instead of all else. */
  readonly by?: string | undefined
  /** From this day on, as `2026-01-31`. */
  readonly since?: string | undefined
}

/** `arbor stats`: what a running server did and holds, as text. Throws {@link AdminError}. */
export async function renderStats(config: Config, { server, json, by, since }: StatsOptions): Promise<string> {
  const path = by === undefined && since === undefined ? 'admin/stats' : `admin/stats/traffic?${queryOf({ by, since })}`
  const stats = await askServer(config, { method: 'GET', path, server })
  if (json) return formatJson(stats)
  if (!isRecord(stats)) throw new AdminError('the server answered with something else than stats')
  return renderTables('uptime' in stats ? { ...stats, uptime: showUptime(stats.uptime) } : stats)
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, value)
  return query.toString()
}

/** Figures as an outline, and each list of records as a table behind them. */
function renderTables(stats: object): string {
  const tables: string[] = []
  const rest = withoutLists(stats, (name, records) => {
    if (records.length > 0) tables.push(`\n${name}\n${renderTable(records)}`)
  })
  return `${outline(rest)}${tables.join('')}`
}

function withoutLists(record: object, take: (name: string, records: readonly object[]) => void, prefix = ''): object {
  const kept = Object.entries(record).flatMap(([key, value]: [string, unknown]) => {
    const name = `${prefix}${key}`
    if (Array.isArray(value)) {
      take(name, value.filter(isRecord))
      return []
    }
    if (!isRecord(value)) return [[key, value] as const]
    const inner = withoutLists(value, take, `${name} `)
    return Object.keys(inner).length === 0 ? [] : [[key, inner] as const]
  })
  return Object.fromEntries(kept)
}

/** Seconds, as a person reads them: `5s`, `3m 20s`, `4d 2h`. */
function showUptime(seconds: unknown): unknown {
  if (typeof seconds !== 'number') return seconds
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount, unit]) => amount > 0 || unit === 's')
  const shown = parts.slice(first, first + 2)
  return shown.map(([amount, unit]) => `${amount}${unit}`).join(' ')
}
