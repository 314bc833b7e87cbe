import { parse, TomlError } from 'smol-toml'
import { RouteError } from '../../routes/errors.ts'
import { isTable } from '../config/tables.ts'

/** A table whose values may be anything. */
export type Table = Readonly<Record<string, unknown>>

/** The array of tables `key` of a lock file. Throws a {@link RouteError} where it is no TOML, or has no such array. */
export function readTables(text: string, key: string, what: string): readonly Table[] {
  const tables = readToml(text, what)[key]
  if (Array.isArray(tables)) return tablesIn(tables)
  throw new RouteError('ERR_BAD_REQUEST', `The list is no ${what}: it has no [[${key}]].`)
}

/** An empty one where it is something else. */
export function tableIn(value: unknown): Table {
  return isTable(value) ? value : {}
}

/** The tables of an array, or the table that it is; none where it is something else. */
export function tablesIn(value: unknown): readonly Table[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).filter(isTable)
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function readToml(text: string, what: string): Table {
  try {
    return parse(text)
  } catch (cause) {
    const where = cause instanceof TomlError ? ` (line ${cause.line}, column ${cause.column})` : ''
    const [reason = ''] = cause instanceof Error ? cause.message.split('\n', 1) : []
    throw new RouteError('ERR_BAD_REQUEST', `The list is no ${what}: ${reason}${where}.`, { cause })
  }
}
