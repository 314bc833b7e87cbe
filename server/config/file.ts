import { parse as parseToml, TomlError } from 'smol-toml'
import * as v from 'valibot'
import { contact } from './contact.ts'
import { type IndexSettings, indexMistakes, indexTable, virtualTable } from './index-tables.ts'
import type { Mistake } from './mistakes.ts'
import * as notation from './notation.ts'
import { table, written } from './tables.ts'
import { treesTable } from './tree-limits.ts'

/** Every setting that the file may have, with its default as a person would write it. */
const fileSchema = table({
  listen: v.optional(written(notation.listenAddress), '127.0.0.1:3141'),
  data: v.optional(written(notation.folder)),
  'admin-token': v.optional(written(notation.adminToken)),
  'log-level': v.optional(written(notation.logLevel), 'info'),
  'log-requests': v.optional(written(notation.yesOrNo), false),
  /** The mode of each index that has none of its own. */
  mode: v.optional(written(notation.indexMode), 'normal'),
  /** The same of this. */
  'stored-only': v.optional(written(notation.yesOrNo), false),
  index: v.optional(v.array(indexTable)),
  virtual: v.optional(v.array(virtualTable), []),
  storage: v.optional(
    table({
      'max-size': v.optional(written(notation.size)),
      'max-files': v.optional(written(notation.fileCount)),
      'unused-for': v.optional(written(notation.duration)),
      /** On the disk, made by pruning; downloads.keep-free is what downloads leave alone. */
      'min-free': v.optional(written(notation.size)),
      'prune-interval': v.optional(written(notation.timeout), '1h'),
      'scrub-interval': v.optional(written(notation.interval), '30d'),
      'scrub-rate': v.optional(written(notation.rate), '50MiB/s'),
      /** Pages, and metadata of wheels, that nobody asked for, of what is not stored. */
      'forget-after': v.optional(written(notation.duration), '90d'),
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
      'downloads-per-host': v.optional(written(notation.connections), 64),
      /** PEM: trusted beside Node's own. One for all, since several fit into it. */
      'ca-file': v.optional(written(notation.filePath)),
      contact: v.optional(written(contact)),
    }),
    {},
  ),
  downloads: v.optional(
    table({
      'when-abandoned': v.optional(written(notation.whenAbandoned), 'continue'),
      /** On the disk, for others; a file that would take it is passed on without being kept. */
      'keep-free': v.optional(written(notation.size), '64MiB'),
    }),
    {},
  ),
  trees: treesTable,
  /** How long responses and downloads may take to end after SIGTERM: what starts us waits some 30 s before it kills. */
  'shutdown-grace': v.optional(written(notation.timeout), '10s'),
})

/** The file's settings, defaults filled in. */
export type FileSettings = v.InferOutput<typeof fileSchema>
export type { IndexSettings, VirtualSettings } from './index-tables.ts'

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
