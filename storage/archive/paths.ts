import { ArchiveRefusedError } from '../errors.ts'

/**
 * Throws {@link ArchiveRefusedError} where two members want one path (test/hostile, rows 35 and 36), or where their paths make more than
 * `maxFolders` folders, listed or not.
 */
export function assertDistinctPaths(
  members: readonly { readonly path: string; readonly isDirectory: boolean }[],
  maxFolders: number,
): void {
  const kinds = new Map<string, boolean>()
  for (const { path, isDirectory } of members) {
    const other = kinds.get(path)
    if (other !== undefined) {
      const detail = other === isDirectory ? 'there are two of that name' : 'it is both a file and a directory'
      throw new ArchiveRefusedError('duplicate', detail, path)
    }
    kinds.set(path, isDirectory)
  }
  const folders = new Set<string>()
  for (const { path } of members) {
    for (let folder = parentOf(path); folder !== '' && !folders.has(folder); folder = parentOf(folder)) {
      if (kinds.get(folder) === false) {
        throw new ArchiveRefusedError('duplicate', 'it is a file, and has files in it', folder)
      }
      if (folders.size === maxFolders) throw new ArchiveRefusedError('limit', `more than ${maxFolders} folders`)
      folders.add(folder)
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
