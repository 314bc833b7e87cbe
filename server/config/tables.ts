import * as v from 'valibot'
import { suggest } from './mistakes.ts'
import { describeMisfit, type Notation } from './notation.ts'

/** A setting in the given notation. */
export function written<T>(kind: Notation<T>): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = kind.parse(dataset.value)
      if (value !== undefined) return value
      addIssue({ message: describeMisfit(kind, dataset.value) })
      return NEVER
    }),
  )
}

/** A TOML table that names every key that it does not know. */
export function table<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const value: unknown = dataset.value
      if (!isTable(value)) return
      for (const key of Object.keys(value).filter((name) => !Object.hasOwn(entries, name))) {
        addIssue({
          message: `unknown setting; ${suggest(key, Object.keys(entries))}`,
          path: [{ type: 'object', origin: 'key', input: value, key, value: value[key] }],
        })
      }
    }),
  )
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
