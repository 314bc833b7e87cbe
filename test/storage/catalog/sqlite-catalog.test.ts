import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { diskIo } from '../../../storage/io.ts'
import { testCatalog } from '../../contract/catalog.ts'

testCatalog('SQLite in a file', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-catalog-'))
  return {
    open: () => openSqliteCatalog({ path: path.join(folder, 'catalog.sqlite'), io: diskIo }),
    remove: () => rm(folder, { recursive: true }),
  }
})

testCatalog('SQLite in memory', async () => ({
  open: () => openSqliteCatalog({ path: ':memory:' }),
  remove: async () => {},
}))
