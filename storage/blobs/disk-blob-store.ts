import { dirname } from 'node:path'
import { type Blake3, parseBlake3 } from '../digest.ts'
import { takeProcessLock } from '../catalog/process-lock.ts'
import { StoreClosedError } from '../errors.ts'
import { type Io, isMissing } from '../io.ts'
import type { Layout } from '../layout.ts'
import type { AdoptOptions, BlobStore, OpenBlob, StagedFile } from './blob-store.ts'
import { checkFile, type CheckOptions, type FileState } from './check-file.ts'
import { DISK_WIDTH, inParallel } from './in-parallel.ts'
import { KeptFiles } from './kept-files.ts'
import { quarantine, sweepQuarantine } from './quarantine.ts'
import { nameBlobs, type NamingJob } from './naming.ts'
import { openStaging, type Staging } from './staging.ts'
import { asStoreError, asStoreErrors } from './store-full.ts'
import { asDamage } from './unreadable.ts'

export interface DiskBlobStoreOptions {
  readonly io: Io
  readonly layout: Layout
  /** Descriptors that stay open for the next reader. */
  readonly maxKeptFiles?: number
  /** Runs {@link nameBlobs} in a thread, on the real disk; undefined where that does not pay, or no thread is free. */
  readonly nameElsewhere?: ((job: NamingJob) => Promise<void> | undefined) | undefined
}

/**
 * Opens the blob store in a data folder that was prepared, and sweeps what dead processes left in staging. Several processes may have
 * the same folder open. Where another process removes a blob, a descriptor kept here still reads it, until it is the longest unused one.
 */
export async function openDiskBlobStore(options: DiskBlobStoreOptions): Promise<BlobStore> {
  const { io, layout, maxKeptFiles = 512, nameElsewhere } = options
  const staging = await asStoreErrors(() => openStaging(io, layout))
  return new DiskBlobStore(io, layout, { staging, kept: new KeptFiles(io, maxKeptFiles), nameElsewhere })
}

interface Parts extends Pick<DiskBlobStoreOptions, 'nameElsewhere'> {
  readonly staging: Staging
  readonly kept: KeptFiles
}

class DiskBlobStore implements BlobStore {
  readonly #io: Io
  readonly #layout: Layout
  readonly #staging: Staging
  readonly #kept: KeptFiles
  readonly #nameElsewhere: DiskBlobStoreOptions['nameElsewhere']
  /** Folders whose own names are known to survive a power cut. */
  readonly #durableFolders = new Set<string>()
  #isClosed = false

  constructor(io: Io, layout: Layout, parts: Parts) {
    this.#io = io
    this.#layout = layout
    this.#staging = parts.staging
    this.#kept = parts.kept
    this.#nameElsewhere = parts.nameElsewhere
  }

  stage(): string {
    this.#assertOpen()
    return this.#staging.nextPath()
  }

  async discard(path: string): Promise<void> {
    this.#assertStaged(path)
    await asStoreErrors(() => this.#io.remove(path))
  }

  async adopt(files: readonly StagedFile[], { durable = 'now' }: AdoptOptions = {}): Promise<void> {
    this.#assertOpen()
    for (const file of files) this.#assertStaged(file.path)
    const job = { folder: this.#layout.folder, files }
    try {
      await asStoreErrors(async () => {
        await (this.#nameElsewhere?.(job) ?? nameBlobs(this.#io, job))
        if (durable === 'now') await this.#syncFolders(files.map(({ blake3 }) => blake3))
      })
    } finally {
      // Who has a damaged one open that was replaced must not have it kept.
      for (const { blake3 } of files) this.#kept.forget(blake3)
    }
  }

  async sync(blake3: Blake3): Promise<void> {
    this.#assertOpen()
    try {
      await this.#io.syncFile(this.#layout.blob(blake3))
      await this.#syncFolders([blake3])
    } catch (error) {
      if (!isMissing(error)) throw asStoreError(error)
    }
  }

  async open(blake3: Blake3): Promise<OpenBlob | undefined> {
    this.#assertOpen()
    try {
      return await this.#kept.open(blake3, this.#layout.blob(blake3))
    } catch (error) {
      throw asDamage(blake3, error)
    }
  }

  async localPath(blake3: Blake3): Promise<string | undefined> {
    const path = this.#layout.blob(blake3)
    return (await this.#io.size(path)) === undefined ? undefined : path
  }

  async remove(blake3s: Iterable<Blake3>): Promise<void> {
    this.#assertOpen()
    const removeOne = async (blake3: Blake3): Promise<void> => {
      await this.#io.remove(this.#layout.blob(blake3))
      // Afterwards: who opened it in between must not have it kept.
      this.#kept.forget(blake3)
    }
    await asStoreErrors(() => inParallel(blake3s, DISK_WIDTH, removeOne))
  }

  async forgetRemoved(): Promise<void> {
    for (const blake3 of this.#kept.names()) {
      if ((await this.#io.size(this.#layout.blob(blake3))) === undefined) this.#kept.forget(blake3)
    }
  }

  async check(blake3: Blake3, options?: CheckOptions): Promise<FileState> {
    this.#assertOpen()
    // What is kept may be another file, which has lost its name to a better one.
    this.#kept.forget(blake3)
    return checkFile(this.#io, this.#layout.blob(blake3), blake3, options)
  }

  async quarantine(blake3: Blake3, now: number): Promise<void> {
    this.#assertOpen()
    await asStoreErrors(() => quarantine(this.#io, this.#layout, blake3, now))
    // Afterwards, as where one is removed.
    this.#kept.forget(blake3)
    await this.sweepQuarantine(now).catch(() => {}) // best effort: the next scrub sweeps it
  }

  async sweepQuarantine(now: number): Promise<void> {
    await asStoreErrors(() => sweepQuarantine(this.#io, this.#layout, now))
  }

  claimScrub(): Disposable | undefined {
    this.#assertOpen()
    const lock = takeProcessLock(this.#layout.scrubLock, { create: true })
    return typeof lock === 'string' ? undefined : { [Symbol.dispose]: () => lock.release() }
  }

  async *list(): AsyncGenerator<Blake3> {
    for (const prefix of await this.#io.list(this.#layout.blobs)) {
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue
      for (const rest of await this.#io.list(this.#layout.blobFolder(prefix))) {
        if (/^[0-9a-f]{62}$/.test(rest)) yield parseBlake3(prefix + rest)
      }
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#kept.close()
    await asStoreErrors(() => this.#staging.close())
  }

  async #syncFolders(blake3s: readonly Blake3[]): Promise<void> {
    const folders = new Set(blake3s.map((blake3) => dirname(this.#layout.blob(blake3))))
    const isAnyFolderNew = !folders.isSubsetOf(this.#durableFolders)
    await inParallel(folders, DISK_WIDTH, (path) => this.#io.syncFolder(path))
    if (isAnyFolderNew) await this.#io.syncFolder(this.#layout.blobs)
    for (const folder of folders) this.#durableFolders.add(folder)
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StoreClosedError('the blob store is closed')
  }

  #assertStaged(path: string): void {
    if (!this.#staging.owns(path)) throw new TypeError(`${path} was not staged by this blob store`)
  }
}
