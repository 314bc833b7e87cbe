import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { StoreChangedError } from './errors.ts'
import type { RecordVerdict } from './model.ts'
import type { Unpacker, UnpackResult } from './unpacker.ts'

interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly unpacker: Unpacker
}

/** Compares the large files of unpacked wheels with RECORD, while their trees are served already; one file at a time, and nobody waits. */
export class RecordVerdicts {
  readonly #stores: Stores
  readonly #running = new Map<Blake3, Promise<RecordVerdict>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(stores: Stores) {
    this.#stores = stores
  }

  /** The verdict that is being made on this wheel; undefined where none is. */
  find(wheel: Blake3): Promise<RecordVerdict> | undefined {
    return this.#running.get(wheel)
  }

  /** Makes the verdict on a wheel whose tree was committed. Rejects with {@link StoreChangedError} where a file of it is gone meanwhile. */
  make(wheel: Blake3, result: UnpackResult): Promise<RecordVerdict> {
    const running = this.#last.then(() => this.#make(wheel, result)).finally(() => this.#running.delete(wheel))
    this.#running.set(wheel, running)
    // The caller hears of an error.
    this.#last = running.catch(() => {})
    return running
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    await this.#last
  }

  async #make(wheel: Blake3, { unpacked, unchecked }: UnpackResult): Promise<RecordVerdict> {
    const { catalog, blobs, unpacker } = this.#stores
    let verdict = unpacked.record
    for (const { blake3, algorithm, hex } of unchecked) {
      const path = await blobs.localPath(blake3)
      if (path === undefined) throw new StoreChangedError(`blob ${blake3} is gone`)
      if (await unpacker.hasHash(path, { algorithm, hex })) continue
      verdict = 'hashes'
      break
    }
    await catalog.addRecordVerdict(wheel, verdict)
    return verdict
  }
}
