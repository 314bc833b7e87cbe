import { ListBuilder, type LockedFile } from './list-builder.ts'
import { readTables, type Table, tableIn, tablesIn, textIn } from './read-toml.ts'
import type { WarmList } from './warm-list.ts'

/** `uv.lock`: every wheel and sdist that it lists. Throws a {@link RouteError}. */
export function parseUvLock(text: string): WarmList {
  const list = new ListBuilder()
  for (const table of readTables(text, 'package', 'uv.lock')) {
    list.addPackage({
      name: textIn(table['name']),
      // What it is locked from is the one key of this table: `registry`, `git`, `url`, `path`, `editable` …
      elsewhere: Object.keys(tableIn(table['source'])).find((key) => key !== 'registry'),
      files: [...tablesIn(table['wheels']), ...tablesIn(table['sdist'])].map(readFile),
    })
  }
  return list.build()
}

function readFile({ filename, url, path, hash }: Table): LockedFile {
  return {
    location: textIn(filename) ?? textIn(url) ?? textIn(path),
    sha256: /^sha256:(.*)$/.exec(textIn(hash) ?? '')?.[1],
  }
}
