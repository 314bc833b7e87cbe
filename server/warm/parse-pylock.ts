import { ListBuilder, type LockedFile } from './list-builder.ts'
import { readTables, type Table, tableIn, tablesIn, textIn } from './read-toml.ts'
import type { WarmList } from './warm-list.ts'

/** What a package may come from instead of an index. */
const ELSEWHERE = ['vcs', 'directory', 'archive'] as const

/** `pylock.toml` (PEP 751): every wheel and sdist that it lists. Throws a {@link RouteError}. */
export function parsePylock(text: string): WarmList {
  const list = new ListBuilder()
  for (const table of readTables(text, 'packages', 'pylock.toml')) {
    list.addPackage({
      name: textIn(table['name']),
      elsewhere: ELSEWHERE.find((key) => table[key] !== undefined),
      files: [...tablesIn(table['wheels']), ...tablesIn(table['sdist'])].map(readFile),
    })
  }
  return list.build()
}

function readFile({ name, url, path, hashes }: Table): LockedFile {
  return { location: textIn(name) ?? textIn(url) ?? textIn(path), sha256: textIn(tableIn(hashes)['sha256']) }
}
