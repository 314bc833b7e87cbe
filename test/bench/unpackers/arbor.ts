import { createReadStream } from 'node:fs'
import { copyFile, stat } from 'node:fs/promises'
import { openDiskBlobStore } from '../../../storage/blobs/disk-blob-store.ts'
import type { BlobStore } from '../../../storage/blobs/blob-store.ts'
import type { Catalog } from '../../../storage/catalog/catalog.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { prepareDataFolder } from '../../../storage/data-folder.ts'
import { type Blake3, Hashing } from '../../../storage/digest.ts'
import { diskIo } from '../../../storage/io.ts'
import { createLayout } from '../../../storage/layout.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../../storage/names.ts'
import { TreeSyncs } from '../../../storage/tree-syncs.ts'
import { createUnpacker, type Unpacker } from '../../../storage/unpacker.ts'
import { Unpackings } from '../../../storage/unpacking.ts'
import type { SampleWheel } from '../wheels/sample-wheels.ts'
import type { UnpackerKind } from './unpacker-kind.ts'

const PIECE_BYTES = 1024 * 1024

/**
 * Unpacks as a running Arbor does: checks, inflates, hashes, writes and commits, in threads that are kept; what it does afterwards, syncing, is not
 * measured. Each wheel goes into a new store, so that no file of it is there yet.
 */
export class ArborUnpacker implements UnpackerKind, AsyncDisposable {
  readonly name = 'arbor'
  readonly #unpacker: Unpacker
  #store: { readonly blobs: BlobStore; readonly catalog: Catalog } | undefined

  constructor() {
    this.#unpacker = createUnpacker({
      stage: () => this.#current.blobs.stage(),
      findStored: (blake3s) => this.#current.catalog.findStored(blake3s),
      // One of the shapes is nothing but zeros.
      limits: { maxRatio: Infinity },
    })
  }

  async unpack(wheel: SampleWheel, folder: string): Promise<number> {
    const layout = createLayout(folder)
    await prepareDataFolder(diskIo, layout)
    const blobs = await openDiskBlobStore({ io: diskIo, layout, nameElsewhere: (job) => this.#unpacker.nameBlobs(job) })
    const catalog = await openSqliteCatalog({ path: layout.catalog })
    this.#store = { blobs, catalog }
    try {
      const blake3 = await this.#keep(wheel)
      const stores = { blobs, catalog, onError: fail }
      const syncs = new TreeSyncs({ ...stores, inspect: fail, withdraw: fail })
      const unpackings = new Unpackings({ ...stores, syncs, unpacker: this.#unpacker, heal: fail })
      const started = performance.now()
      const outcome = await unpackings.outcomeOf(blake3)
      const seconds = (performance.now() - started) / 1000
      if (outcome.kind !== 'unpacked') throw new Error(`${wheel.filename} was refused: ${outcome.detail}`)
      // RECORD's verdict on large files comes after the tree, and so does the disk.
      await unpackings.settle()
      await syncs.settle()
      return seconds
    } finally {
      this.#store = undefined
      await blobs.close()
      await catalog.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unpacker.close()
  }

  get #current(): { readonly blobs: BlobStore; readonly catalog: Catalog } {
    if (this.#store === undefined) throw new Error('nothing is being unpacked')
    return this.#store
  }

  async #keep(wheel: SampleWheel): Promise<Blake3> {
    const { blobs, catalog } = this.#current
    // In pieces: to free hundreds of megabytes would fall into the time that is measured.
    const hashing = new Hashing()
    for await (const piece of createReadStream(wheel.path, { highWaterMark: PIECE_BYTES })) hashing.update(piece)
    const { sha256, blake3 } = hashing.finish()
    const { size } = await stat(wheel.path)
    const distribution = { sha256, blake3, size, storedAt: Date.now() }
    const path = blobs.stage()
    await copyFile(wheel.path, path)
    await blobs.adopt([{ path, blake3: distribution.blake3 }])
    await catalog.addDistribution(distribution, {
      index: parseIndexName('main'),
      project: parseProjectName(wheel.project),
      filename: parseFilename(wheel.filename),
    })
    return distribution.blake3
  }
}

function fail(error: unknown): never {
  throw error
}
