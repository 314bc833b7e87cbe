import { ListBuilder, type LockedFile } from './list-builder.ts'
import { readTables, type Table, tableIn, tablesIn, textIn } from './read-toml.ts'
import type { WarmList } from './warm-list.ts'

/** `poetry.lock`: every file that it lists. Throws a {@link RouteError}. */
export function parsePoetryLock(text: string): WarmList {
  // `legacy` is what poetry calls an index other than the default one.
  return parse(text, 'poetry.lock', ({ source }) => {
    const type = textIn(tableIn(source)['type'])
    return type === 'legacy' ? undefined : type
  })
}

/** What a package in a pdm.lock may come from instead of an index. */
const ELSEWHERE = ['git', 'hg', 'svn', 'bzr', 'url', 'path'] as const

/** `pdm.lock`: every file that it lists. Throws a {@link RouteError}. */
export function parsePdmLock(text: string): WarmList {
  return parse(text, 'pdm.lock', (table) => ELSEWHERE.find((key) => table[key] !== undefined))
}

function parse(text: string, what: string, findElsewhere: (table: Table) => string | undefined): WarmList {
  const list = new ListBuilder()
  for (const table of readTables(text, 'package', what)) {
    const { name, files } = table
    list.addPackage({ name: textIn(name), elsewhere: findElsewhere(table), files: tablesIn(files).map(readFile) })
  }
  return list.build()
}

/** pdm has a URL in place of the name, if it is told to. */
function readFile({ file, url, hash }: Table): LockedFile {
  return { location: textIn(file) ?? textIn(url), sha256: /^sha256:(.*)$/.exec(textIn(hash) ?? '')?.[1] }
}
