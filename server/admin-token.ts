import { dirname, join } from 'node:path'
import { randomToken } from '../storage/digest.ts'
import type { Io } from '../storage/io.ts'
import { ConfigError } from './config/mistakes.ts'
import { adminToken, describeMisfit } from './config/notation.ts'
import { readTextFile } from './text-file.ts'

/** What opens the admin API. */
export interface AdminToken {
  readonly token: string
  /** Where it is kept; undefined where it was configured. */
  readonly file: string | undefined
  /** Others could read that file until now: the token may be known to them. */
  readonly wasOpen?: boolean
}

interface TokenSettings {
  readonly data: string
  readonly adminToken: string | undefined
}

/** The configured token, or the one in the data folder; undefined where there is none yet. Throws {@link ConfigError} for a damaged one. */
export async function findAdminToken(io: Io, config: TokenSettings): Promise<AdminToken | undefined> {
  if (config.adminToken !== undefined) return { token: config.adminToken, file: undefined }
  const file = join(config.data, 'admin-token')
  const written = (await readTextFile(io, file))?.trim()
  if (written === undefined) return undefined
  const token = adminToken.parse(written)
  if (token !== undefined) return { token, file }
  throw new ConfigError([{ where: file, problem: `${describeMisfit(adminToken, written)}; remove it for a new one` }])
}

/**
 * As {@link findAdminToken}, but makes a token where there is none: 32 random bytes in hex, in a file that only its owner can
 * read, so that a command on the same machine finds it and nobody else does. A file that others can read as well is closed to them.
 * The data folder must exist.
 */
export async function resolveAdminToken(io: Io, config: TokenSettings): Promise<AdminToken> {
  const found = await findAdminToken(io, config)
  if (found?.file === undefined) return found ?? makeToken(io, config)
  // Some file systems have one mode for all files: a file that cannot be made private is no reason not to start.
  const wasOpen = await io.makePrivate(found.file).catch(() => true)
  return wasOpen ? { ...found, wasOpen } : found
}

async function makeToken(io: Io, config: TokenSettings): Promise<AdminToken> {
  const file = join(config.data, 'admin-token')
  await saveToken(io, file, randomToken())
  // Read back: where two servers start at once, the file has the token of the other one.
  return (await findAdminToken(io, config)) ?? resolveAdminToken(io, config)
}

/** Writes the token, unless another server has just written one. */
async function saveToken(io: Io, path: string, token: string): Promise<void> {
  const temporary = join(dirname(path), `.admin-token-${randomToken().slice(0, 8)}`)
  const file = await io.create(temporary)
  try {
    try {
      await file.write(Buffer.from(`${token}\n`), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    if (!(await io.nameIfFree(temporary, path))) await io.remove(temporary)
  } catch (error) {
    await io.remove(temporary).catch(() => {}) // best effort: the first error is the one to report
    throw error
  }
}
