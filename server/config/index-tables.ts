import * as v from 'valibot'
import type { Mistake } from './mistakes.ts'
import * as notation from './notation.ts'
import { isTable, table, written } from './tables.ts'

export const indexTable = table({
  name: written(notation.indexName),
  url: written(notation.indexUrl),
  default: v.optional(written(notation.yesOrNo)),
  username: v.optional(written(notation.username)),
  password: v.optional(written(notation.password)),
  /** RFC 6750, instead of the two. */
  token: v.optional(written(notation.token)),
  mode: v.optional(written(notation.indexMode)),
  /** Pages list only files that are stored. */
  'stored-only': v.optional(written(notation.yesOrNo)),
  /**
   * How long a page is served without asking upstream. A client keeps it for up to ten minutes more by what indexes say
   * (`max-age=600`), and both add up: five keeps a new release from being unseen for longer than a quarter of an hour.
   */
  'fresh-for': v.optional(written(notation.duration), '5m'),
  /** RFC 5861 stale-if-error: how long past that it is served while upstream is down; over a long week-end. */
  'stale-for': v.optional(written(notation.duration), '7d'),
  'allowed-file-hosts': v.optional(written(notation.hostList)),
  /** Statuses that mean "no such project" beside 404 and 410: S3 says 403. */
  'not-found-statuses': v.optional(written(notation.statusList), []),
  /** Nexus answers a group's missing project with a page without links. */
  'empty-means-absent': v.optional(written(notation.yesOrNo), false),
  'keep-removed': v.optional(written(notation.yesOrNo), false),
  'upload-times': v.optional(written(notation.uploadTimes), 'listed'),
  /** Told to whoever tries to upload here. */
  'upload-url': v.optional(written(notation.indexUrl)),
})

/** Several indexes under one name; the first that has a project owns it. */
export const virtualTable = table({
  name: written(notation.indexName),
  default: v.optional(written(notation.yesOrNo)),
  indexes: written(notation.indexNames),
  /** Projects that come from one of them, whatever the others have. */
  pins: v.optional(written(notation.pins), {}),
})

export type IndexSettings = v.InferOutput<typeof indexTable>
export type VirtualSettings = v.InferOutput<typeof virtualTable>

/** Mistakes between several settings or indexes. Found in the document as written, so that they are told together with those in single settings. */
export function indexMistakes(document: unknown): Mistake[] {
  const { index: indexes, virtual } = isTable(document) ? document : {}
  const virtuals = Array.isArray(virtual) ? virtual.filter(isTable) : []
  if (!Array.isArray(indexes)) return indexes === undefined ? virtualMistakes(virtuals, []) : []
  const tables = indexes.filter(isTable)
  const mistakes: Mistake[] = []
  for (const [number, { name, url, username, password, token }] of tables.entries()) {
    const where = `index[${number}]`
    if (name !== undefined && tables.findIndex((other) => other['name'] === name) < number) {
      mistakes.push({ where: `${where}.name`, problem: `${JSON.stringify(name)} is the name of an earlier index` })
    }
    if (token !== undefined && (username !== undefined || password !== undefined)) {
      mistakes.push({ where, problem: 'expected a token, or username and password, got both' })
    }
    if ((username === undefined) !== (password === undefined)) {
      mistakes.push({ where, problem: 'expected username and password together, got one of them' })
    } else if ((username ?? token) !== undefined && notation.indexUrl.parse(url)?.credentials !== undefined) {
      mistakes.push({ where, problem: 'expected credentials in the url or in settings of their own, got both' })
    }
  }
  mistakes.push(...virtualMistakes(virtuals, tables))
  const defaults = [...tables, ...virtuals].filter((index) => index['default'] === true).length
  if (tables.length === 0) {
    mistakes.push({ where: 'index', problem: 'expected at least one [[index]] table, or none of the word' })
  } else if (defaults > 1 || (defaults === 0 && tables.length > 1)) {
    mistakes.push({ where: 'index', problem: `expected one index with default = true, got ${defaults}` })
  }
  return mistakes
}

type Table = Readonly<Record<string, unknown>>

function virtualMistakes(virtuals: readonly Table[], indexes: readonly Table[]): Mistake[] {
  const names = indexes.map(({ name }) => name)
  return virtuals.flatMap((virtual, number) => {
    const where = `virtual[${number}]`
    const { name, pins } = virtual
    const members: readonly unknown[] = Array.isArray(virtual['indexes']) ? virtual['indexes'] : []
    const mistakes = members
      .filter((member) => !names.includes(member))
      .map((member) => ({ where: `${where}.indexes`, problem: `there is no [[index]] ${JSON.stringify(member)}` }))
    if (name !== undefined && [...names, ...virtuals.slice(0, number).map((other) => other['name'])].includes(name)) {
      mistakes.push({ where: `${where}.name`, problem: `${JSON.stringify(name)} is the name of another index` })
    }
    for (const [project, member] of isTable(pins) ? Object.entries(pins) : []) {
      if (members.includes(member)) continue
      mistakes.push({
        where: `${where}.pins.${project}`,
        problem: `expected one of its indexes, got ${JSON.stringify(member)}`,
      })
    }
    return mistakes
  })
}
