import { dirname } from 'node:path'
import { openStaging } from './blobs/staging.ts'
import { asStoreErrors } from './blobs/store-full.ts'
import { StoreFormatError } from './errors.ts'
import type { Io } from './io.ts'
import type { Layout } from './layout.ts'

/** The format of the whole folder: the layout, the catalog's tables, what the blobs are named by. */
const FORMAT = 'arbor-store-1\n'
/** A format file is one short line; more than this is something else. */
const MAX_FORMAT_BYTES = 256

/** https://bford.info/cachedir/ */
const CACHE_TAG = `Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache made by Arbor, a caching proxy for Python package indexes.
# For what cache directory tags are, see https://bford.info/cachedir/
`

const README = `This folder is the store of Arbor, a caching proxy for Python package indexes.

Everything here can be fetched again: while no Arbor runs on it, the whole folder may be deleted.
Do not delete or change single files in it; to make room, have Arbor prune it.

  catalog.sqlite3   what is stored and what refers to it
  blobs/            wheels, sdists and the files in wheels, each named by the BLAKE3 of its bytes;
                    small files share one blob
  staging/          files that are being written
  quarantine/       files that were found damaged and replaced; these may be deleted at any time
  format            the version of all this
  admin-token       what the admin API asks for; keep it to yourself
`

/** What lies in a folder that is ours alone: things of ours from a start that was cut short, and what comes with an empty volume. */
const OURS = /^(CACHEDIR\.TAG|README|admin-token|blobs|staging|quarantine|scrub\.lock|lost\+found|\..*)$/

/**
 * Makes the data folder, or checks that it is one that this version understands. Any number of processes may do it at once.
 * A folder that holds other files too gets no README, and no cache tag, which would keep those files out of backups. Throws
 * {@link StoreFormatError} where it is of a newer format; {@link StoreFullError}.
 */
export async function prepareDataFolder(io: Io, layout: Layout): Promise<void> {
  await asStoreErrors(async () => {
    await io.makeFolder(layout.folder)
    const format = await readFormat(io, layout)
    if (format === FORMAT) return
    if (format !== undefined) throw unknownFormat(layout, format)
    const isOurs = (await io.list(layout.folder)).every((name) => OURS.test(name))
    await fill(io, layout, { isOurs })
  })
}

async function readFormat(io: Io, layout: Layout): Promise<string | undefined> {
  const file = await io.openIfPresent(layout.format)
  if (file === undefined) return undefined
  try {
    const buffer = Buffer.alloc(MAX_FORMAT_BYTES)
    return buffer.toString('utf8', 0, await file.read(buffer, 0))
  } finally {
    await file.close()
  }
}

/** The format goes last: a folder that has it has all the rest, durably. */
async function fill(io: Io, layout: Layout, { isOurs }: { readonly isOurs: boolean }): Promise<void> {
  await io.makeFolder(layout.blobs)
  const staging = await openStaging(io, layout)
  try {
    const write = async (path: string, text: string): Promise<void> => {
      const staged = staging.nextPath()
      await writeDurably(io, staged, text)
      await io.rename(staged, path)
    }
    if (isOurs) {
      await write(layout.cacheTag, CACHE_TAG)
      // One that is there is ours, or a note that an operator left.
      if ((await io.size(layout.readme)) === undefined) await write(layout.readme, README)
    }
    await io.syncFolder(layout.folder)
    await write(layout.format, FORMAT)
    await io.syncFolder(layout.folder)
    // Best effort: the folder's own name; we may not be allowed to read the one above.
    await io.syncFolder(dirname(layout.folder)).catch(() => {})
  } finally {
    await staging.close()
  }
}

async function writeDurably(io: Io, path: string, text: string): Promise<void> {
  const file = await io.create(path)
  try {
    await file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

function unknownFormat(layout: Layout, format: string): StoreFormatError {
  const isOurs = /^arbor-store-\d+\n$/.test(format)
  const found = JSON.stringify(format.trim().slice(0, 40))
  return new StoreFormatError(
    isOurs
      ? `${layout.folder} has the format ${found}, and this version of Arbor knows only "${FORMAT.trim()}": start the version that wrote it, or choose another data folder`
      : `${layout.format} says ${found}, which is no format of Arbor's: choose another data folder`,
  )
}
