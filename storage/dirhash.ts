import { type Blake3, deriveKey } from './digest.ts'
import type { TreePath } from './names.ts'
import { compareUtf8 } from './tree-path.ts'

/** A directory on its way to its hash: digests of files, and directories. */
type Folder = Map<string, Blake3 | Folder>

/** What a directory tree is to uv: the digests of its files, and its directories, of which only empty ones need to be named. */
export interface Contents {
  readonly files: Iterable<{ readonly path: TreePath; readonly blake3: Blake3 }>
  readonly directories?: Iterable<TreePath>
}

/** uv's hash of a directory tree, and the directories that hold nothing, in the order of their UTF-8 bytes. */
export interface Dirhash {
  /** 64 hex digits. */
  readonly dirhash: string
  readonly emptyDirectories: readonly TreePath[]
}

/**
 * uv's `dirhash` (uv-extract/src/dirhash.rs): BLAKE3 in key derivation mode over the sorted names and hashes, from the
 * leaves up. Executable bits are not covered. The paths must be distinct, and no file a directory.
 */
export function hashDirectory({ files, directories = [] }: Contents): Dirhash {
  const root: Folder = new Map()
  const folders = new Map<string, Folder>([['', root]])
  for (const path of directories) openFolder(folders, path)
  for (const { path, blake3 } of files) {
    const slash = path.lastIndexOf('/')
    openFolder(folders, path.slice(0, Math.max(0, slash))).set(path.slice(slash + 1), blake3)
  }
  folders.delete('')
  const empty = [...folders].filter(([, folder]) => folder.size === 0).map(([path]) => path as TreePath)
  return { dirhash: hashFolder(root).toString('hex'), emptyDirectories: empty.toSorted(compareUtf8) }
}

/**
 * uv's own id of the same content, by which it names the folder in its cache (uv #19693): the 24 lowest base-36 digits of the dirhash as a
 * big-endian number.
 */
export function archiveIdOf(dirhash: string): string {
  return (BigInt(`0x${dirhash}`) % 36n ** 24n).toString(36).padStart(24, '0')
}

/** The folder at `path`, with those above it; the empty path is the root. */
function openFolder(folders: Map<string, Folder>, path: string): Folder {
  let folder = folders.get(path)
  if (folder === undefined) {
    const slash = path.lastIndexOf('/')
    folder = new Map()
    folders.set(path, folder)
    openFolder(folders, path.slice(0, Math.max(0, slash))).set(path.slice(slash + 1), folder)
  }
  return folder
}

/** Ends a name; no UTF-8 holds this byte. */
const NAME_END = Buffer.from([0xff])

function hashFolder(folder: Folder): Buffer {
  const names = [...folder.keys()].toSorted(compareUtf8)
  const pieces = names.flatMap((name) => {
    const content = folder.get(name)
    const hash = typeof content === 'string' ? Buffer.from(content, 'hex') : hashFolder(content ?? new Map())
    return [Buffer.from(name), NAME_END, hash]
  })
  return deriveKey('directory', Buffer.concat(pieces))
}
