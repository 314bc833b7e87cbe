import type { Entry } from 'yauzl'
import { ArchiveRefusedError } from '../errors.ts'

/** Bits of a Unix mode, as in `sys/stat.h`; the upper half of the external attributes, whatever system wrote them. */
const TYPE_BITS = 0o170000
const REGULAR = 0o100000
const DIRECTORY = 0o040000
const SYMLINK = 0o120000
const ANY_EXECUTE = 0o111
/** MS-DOS's directory bit, in the lower half. */
const DOS_DIRECTORY = 0x10

/** Any of the three bits, as uv and pip have it; nothing else of a mode is kept. */
export function isExecutable(entry: Entry): boolean {
  return (modeOf(entry) & ANY_EXECUTE) !== 0 && (modeOf(entry) & TYPE_BITS) !== DIRECTORY
}

/**
 * Is it a directory, by its attributes, or by its name where they do not say? Throws {@link ArchiveRefusedError} for links and devices
 * (test/hostile, rows 33, 39, 40).
 */
export function isDirectoryRecord(entry: Entry, path: string): boolean {
  const type = modeOf(entry) & TYPE_BITS
  if (type === SYMLINK) throw new ArchiveRefusedError('special-file', 'it is a symbolic link', path)
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
    throw new ArchiveRefusedError('special-file', `it is a special file, of type ${type.toString(8)}`, path)
  }
  if (type === DIRECTORY) return true
  if (type === REGULAR) return false
  return (entry.externalFileAttributes & DOS_DIRECTORY) !== 0 || entry.fileNameRaw.at(-1) === 0x2f
}

function modeOf(entry: Entry): number {
  return entry.externalFileAttributes >>> 16
}
