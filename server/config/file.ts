import { parse as parseToml, TomlError } from 'smol-toml'
import * as v from 'valibot'
import { suggest, type Mistake } from './mistakes.ts'
import * as notation from './notation.ts'
import { describeMisfit, type Notation } from './notation.ts'

/** A setting in the given notation. */
function written<T>(kind: Notation<T>): v.GenericSchema<unknown, T> {
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
function table<Entries extends v.ObjectEntries>(entries: Entries) {
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

const indexTable = table({
  name: written(notation.indexName),
  url: written(notation.indexUrl),
  default: v.optional(written(notation.yesOrNo)),
  username: v.optional(written(notation.username)),
  password: v.optional(written(notation.password)),
  /**
   * How long a page is served without asking upstream. A client keeps it for up to ten minutes more by what indexes say
   * (`max-age=600`), and both add up: five keeps a new release from being unseen for longer than a quarter of an hour.
   */
  'fresh-for': v.optional(written(notation.duration), '5m'),
  /** RFC 5861 stale-if-error: how long past that it is served while upstream is down; over a long week-end. */
  'stale-for': v.optional(written(notation.duration), '7d'),
  'allowed-file-hosts': v.optional(written(notation.hostList)),
})

/** Every setting that the file may have, with its default as a person would write it. */
const fileSchema = table({
  listen: v.optional(written(notation.listenAddress), '127.0.0.1:3141'),
  data: v.optional(written(notation.folder)),
  'admin-token': v.optional(written(notation.token)),
  'log-level': v.optional(written(notation.logLevel), 'info'),
  index: v.optional(v.array(indexTable)),
  storage: v.optional(
    table({
      'max-size': v.optional(written(notation.size)),
      'unused-for': v.optional(written(notation.duration)),
    }),
    {},
  ),
  memory: v.optional(
    table({
      pages: v.optional(written(notation.size), '64MiB'),
      files: v.optional(written(notation.size), '64MiB'),
    }),
    {},
  ),
  upstream: v.optional(
    table({
      'connect-timeout': v.optional(written(notation.timeout), '10s'),
      'headers-timeout': v.optional(written(notation.timeout), '30s'),
      'idle-timeout': v.optional(written(notation.timeout), '30s'),
      'page-max-size': v.optional(written(notation.size), '100MiB'),
      retries: v.optional(written(notation.count), 3),
    }),
    {},
  ),
})

/** The file's settings, defaults filled in. */
export type FileSettings = v.InferOutput<typeof fileSchema>
export type IndexSettings = v.InferOutput<typeof indexTable>

/** Settings, or what is wrong with them. */
export type FileReading =
  | { readonly kind: 'settings'; readonly settings: FileSettings }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

/** Reads the text of a configuration file; the empty text gives the defaults. `path` is for the mistakes. */
export function parseConfigFile(text: string, path: string): FileReading {
  let document: unknown
  try {
    document = parseToml(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // Only the first line: the excerpt below it could show a secret.
    const [problem = error.message] = error.message.split('\n')
    return { kind: 'mistakes', mistakes: [{ where: `${path}:${error.line}:${error.column}`, problem }] }
  }
  const result = v.safeParse(fileSchema, document)
  const mistakes = [...(result.issues ?? []).map(mistakeOf), ...indexMistakes(document)]
  if (!result.success || mistakes.length > 0) return { kind: 'mistakes', mistakes }
  return { kind: 'settings', settings: result.output }
}

/** The index that stands for a file without any. */
export function indexSettings(name: string, url: string): IndexSettings {
  return v.parse(indexTable, { name, url })
}

function mistakeOf(issue: v.BaseIssue<unknown>): Mistake {
  const where = (issue.path ?? []).reduce((name, { key }) => {
    return typeof key === 'number' ? `${name}[${key}]` : name === '' ? String(key) : `${name}.${String(key)}`
  }, '')
  if (issue.type === 'array') return { where, problem: `expected tables, each under [[${where}]]` }
  if (issue.type !== 'loose_object') return { where, problem: issue.message }
  return { where, problem: issue.received === 'undefined' ? 'is missing' : `expected a table, under [${where}]` }
}

/** What is wrong between indexes, told from what is written, so that it is told beside what is wrong inside them. */
function indexMistakes(document: unknown): Mistake[] {
  const indexes = isTable(document) ? document['index'] : undefined
  if (!Array.isArray(indexes)) return []
  const tables = indexes.filter(isTable)
  const mistakes: Mistake[] = []
  for (const [number, { name, url, username, password }] of tables.entries()) {
    const where = `index[${number}]`
    if (name !== undefined && tables.findIndex((other) => other['name'] === name) < number) {
      mistakes.push({ where: `${where}.name`, problem: `${JSON.stringify(name)} is the name of an earlier index` })
    }
    if ((username === undefined) !== (password === undefined)) {
      mistakes.push({ where, problem: 'expected username and password together, got one of them' })
    } else if (username !== undefined && notation.indexUrl.parse(url)?.credentials !== undefined) {
      mistakes.push({ where, problem: 'expected credentials in the url or in username and password, got both' })
    }
  }
  const defaults = tables.filter((index) => index['default'] === true).length
  if (tables.length === 0) {
    mistakes.push({ where: 'index', problem: 'expected at least one [[index]] table, or none of the word' })
  } else if (defaults > 1 || (defaults === 0 && tables.length > 1)) {
    mistakes.push({ where: 'index', problem: `expected one index with default = true, got ${defaults}` })
  }
  return mistakes
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
