import { constants } from 'node:fs'
import { access } from 'node:fs/promises'

/** A memory file system, where this machine has one that may be written to; else `disk`. */
export async function findMemoryFolder(disk: string): Promise<string> {
  return access('/dev/shm', constants.W_OK).then(
    () => '/dev/shm',
    () => disk,
  )
}
