import { ArchiveRefusedError } from '../errors.ts'
import type { SyncIo } from '../io.ts'
import { ArchiveFile } from './archive-file.ts'
import { readDirectory } from './directory.ts'
import { readEnd } from './end-record.ts'
import { locateMembers } from './local-headers.ts'
import type { Member } from './member.ts'
import { assertDistinctPaths } from './paths.ts'
import { type ArchiveLimits, DEFAULT_LIMITS } from './policy.ts'

/** An archive that is open for reading its members. Close it. */
export interface Archive {
  readonly file: ArchiveFile
  /** In the order of the file. */
  readonly members: readonly Member[]
  close(): void
}

/**
 * Opens a zip and checks all that can be checked without inflating anything: that there is one way to read it, the same for every reader
 * (test/hostile), and that it is within limits. Throws {@link ArchiveRefusedError}.
 */
export function openArchive(io: SyncIo, path: string, limits: ArchiveLimits = DEFAULT_LIMITS): Archive {
  const file = new ArchiveFile(io, path)
  try {
    const end = readEnd(file)
    const records = readDirectory(file, end, limits)
    assertDistinctPaths(records, limits.maxEntries)
    assertWithin(records, file.size, limits)
    const members = locateMembers(file, records, end.directoryOffset)
    return { file, members, close: () => file.close() }
  } catch (error) {
    file.close()
    throw error
  }
}

function assertWithin(members: readonly { readonly size: number }[], archiveSize: number, limits: ArchiveLimits): void {
  const size = members.reduce((sum, member) => sum + member.size, 0)
  if (size > limits.maxBytes) throw new ArchiveRefusedError('limit', `${size} bytes when unpacked`)
  if (size > limits.ratioFreeBytes && size > limits.maxRatio * archiveSize) {
    throw new ArchiveRefusedError('limit', `${archiveSize} bytes that unpack to ${size}`)
  }
}
