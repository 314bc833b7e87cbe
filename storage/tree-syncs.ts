import type { BlobStore } from './blobs/blob-store.ts'
import { inParallel } from './blobs/in-parallel.ts'
import type { Catalog, UnsyncedFile } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { isOutOfDescriptors } from './io.ts'

/** Files that are synced, or looked at, at the same time; of node's few threads for such work, serving needs some. */
const WIDTH = 2

/** What may wait for the disk while more trees are made, bytes: after a crash, the next start reads all of it. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024

export interface TreeSyncsOptions {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  /** Compares a file with its digest; resolves once it is known to be sound, or is out of service. */
  readonly inspect: (file: Blake3) => Promise<void>
  /** Takes a file out of service, whatever it looks like. */
  readonly withdraw: (file: Blake3) => Promise<void>
  /** Told of trouble in work that nobody waits for. */
  readonly onError: (error: unknown, task: string) => void
}

/**
 * Has the files of trees synced when the trees are committed and served already, one tree after the other. Until then the catalog has them as unsynced:
 * a power cut may damage them, and so the next start looks at them.
 */
export class TreeSyncs {
  readonly #options: TreeSyncsOptions
  #syncing: Promise<void> = Promise.resolve()
  #waitingBytes = 0

  constructor(options: TreeSyncsOptions) {
    this.#options = options
  }

  /** Takes up what an earlier process left. Resolves with how many files it looked at, when none of them is served that is damaged. */
  async resume(): Promise<number> {
    const { catalog, inspect } = this.#options
    const files = await catalog.listUnsynced()
    const distinct = new Set(files.map(({ blake3 }) => blake3))
    await inParallel(distinct, WIDTH, inspect)
    // What is sound may be so in the kernel's memory only.
    this.begin(files, 0)
    return distinct.size
  }

  /** Has files synced that take so many bytes. */
  begin(files: readonly UnsyncedFile[], bytes: number): void {
    if (files.length === 0) return
    this.#waitingBytes += bytes
    this.#syncing = this.#syncInTurn(this.#syncing, files, bytes)
  }

  /** Resolves when there is little left to sync, so that a disk which is slower than the processors decides the pace. */
  async awaitRoom(): Promise<void> {
    if (this.#waitingBytes > MAX_WAITING_BYTES) await this.#syncing
  }

  /** Waits for all that was begun. */
  settle(): Promise<void> {
    return this.#syncing
  }

  async #syncInTurn(before: Promise<void>, files: readonly UnsyncedFile[], bytes: number): Promise<void> {
    await before
    await this.#sync(files)
    this.#waitingBytes -= bytes
  }

  /** Never rejects. Where that failed, a file is out of service, or stays noted for the next start. */
  async #sync(files: readonly UnsyncedFile[]): Promise<void> {
    const { catalog, onError } = this.#options
    const synced: UnsyncedFile[] = []
    const tell = (error: unknown): void => onError(error, 'syncing the files of a tree')
    const syncing = inParallel(files, WIDTH, async (file) => {
      await this.#syncFile(file.blake3)
      synced.push(file)
    })
    await syncing.catch(tell)
    await catalog.noteSynced(synced).catch(tell)
  }

  async #syncFile(file: Blake3): Promise<void> {
    const { blobs, withdraw } = this.#options
    try {
      await blobs.sync(file)
    } catch (error) {
      // The kernel now takes for written what it could not write: what it shows of the file says nothing any more.
      if (!isOutOfDescriptors(error)) await withdraw(file)
      throw error
    }
  }
}
