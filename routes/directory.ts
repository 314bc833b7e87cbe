import type { Tree, TreeFile } from '../storage/model.ts'
import type { TreePath } from '../storage/names.ts'
import { Pace } from '../storage/pace.ts'
import { compareUtf8 } from '../storage/tree-path.ts'
import { searchFiles } from '../storage/tree-search.ts'

/** What a directory of a tree holds, each sorted by the UTF-8 bytes of the names. */
export interface Directory {
  readonly directories: readonly Subdirectory[]
  readonly files: readonly NamedFile[]
}

export interface Subdirectory {
  readonly name: string
  /** With those below. */
  readonly files: number
  /** Sum over those, bytes. */
  readonly size: number
}

export interface NamedFile {
  readonly name: string
  readonly file: TreeFile
}

/** `path` is empty for the root. Undefined where the tree has no such directory. A large one is gathered in turns with others. */
export async function findDirectory(
  { files, emptyDirectories }: Tree,
  path: TreePath | '',
): Promise<Directory | undefined> {
  const pace = new Pace()
  const prefix = path === '' ? '' : `${path}/`
  const directories = new Map<string, Subdirectory>()
  const found: NamedFile[] = []
  // What is below a directory stands together, since paths are sorted.
  for (let index = searchFiles(files, prefix); index < files.length; index += 1) {
    const file = files[index]
    if (file?.path.startsWith(prefix) !== true) break
    const rest = file.path.slice(prefix.length)
    const slash = rest.indexOf('/')
    if (slash === -1) found.push({ name: rest, file })
    else addTo(directories, rest.slice(0, slash), file.size)
    if (index % 1000 === 0 && pace.isDue) await pace.rest()
  }
  const isEmpty = path === '' || emptyDirectories.includes(path)
  for (const [index, empty] of emptyDirectories.entries()) {
    if (empty.startsWith(prefix)) addTo(directories, empty.slice(prefix.length).split('/', 1)[0] ?? '', undefined)
    if (index % 1000 === 0 && pace.isDue) await pace.rest()
  }
  if (!isEmpty && directories.size === 0 && found.length === 0) return undefined
  return { directories: [...directories.values()].toSorted((a, b) => compareUtf8(a.name, b.name)), files: found }
}

/** `size` is undefined where there is no file, but an empty directory. */
function addTo(directories: Map<string, Subdirectory>, name: string, size: number | undefined): void {
  const known = directories.get(name) ?? { name, files: 0, size: 0 }
  directories.set(name, { name, files: known.files + (size === undefined ? 0 : 1), size: known.size + (size ?? 0) })
}
