import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'

/** The path of a program of this machine; undefined where there is none. Debian keeps servers where not everybody's PATH leads. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin']) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (folder !== '' && found) return path
  }
  return undefined
}
