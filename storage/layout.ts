import { join } from 'node:path'
import type { Blake3 } from './digest.ts'

/**
 * Where things lie in the data folder; nothing else makes a path in it:
 *
 *     data folder/
 *     ├── CACHEDIR.TAG            tells backup programs to pass the folder by
 *     ├── README                  tells people what the folder is
 *     ├── format                  `arbor-store-1`: written last, so where it is the rest is there too
 *     ├── admin-token             only its owner may read it
 *     ├── catalog.sqlite3         what is stored, and what refers to it (SQLite adds -wal and -shm)
 *     ├── blobs/
 *     │   └── ab/
 *     │       └── cdef…           a large blob or a pack: `abcdef…` is the BLAKE3 of its bytes
 *     ├── quarantine/
 *     │   └── <time>-abcdef…      a file that was found damaged, for whoever wants to look at it; never read by us
 *     ├── scrub.lock              locked while a process scrubs
 *     └── staging/
 *         ├── <process>.lock      locked for as long as that process lives
 *         ├── unpack-abcdef….lock locked while a process unpacks that wheel
 *         └── <process>/
 *             └── 1, 2, …         files that are being written
 */
export interface Layout {
  readonly folder: string
  readonly cacheTag: string
  readonly readme: string
  readonly format: string
  readonly adminToken: string
  readonly catalog: string
  readonly blobs: string
  readonly staging: string
  readonly quarantine: string
  readonly scrubLock: string
  /** The folder that holds the blobs whose digests begin alike, by those two digits. */
  blobFolder(prefix: string): string
  blob(blake3: Blake3): string
  quarantined(name: string): string
  stagingLock(process: string): string
  unpackLock(wheel: Blake3): string
  stagingFolder(process: string): string
}

/** Pure: nothing is read, made or checked. */
export function createLayout(folder: string): Layout {
  const blobs = join(folder, 'blobs')
  const staging = join(folder, 'staging')
  const quarantine = join(folder, 'quarantine')
  return {
    folder,
    cacheTag: join(folder, 'CACHEDIR.TAG'),
    readme: join(folder, 'README'),
    format: join(folder, 'format'),
    adminToken: join(folder, 'admin-token'),
    catalog: join(folder, 'catalog.sqlite3'),
    blobs,
    staging,
    quarantine,
    scrubLock: join(folder, 'scrub.lock'),
    blobFolder: (prefix) => join(blobs, prefix),
    blob: (blake3) => join(blobs, blake3.slice(0, 2), blake3.slice(2)),
    quarantined: (name) => join(quarantine, name),
    stagingLock: (process) => join(staging, `${process}.lock`),
    unpackLock: (wheel) => join(staging, `unpack-${wheel}.lock`),
    stagingFolder: (process) => join(staging, process),
  }
}
