import { LRUCache } from 'lru-cache'
import type { AtHand } from './at-hand.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type Blake3, hashBlake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'
import type { Healing } from './healing.ts'
import { parseManifest } from './manifest.ts'
import { readMended } from './mending.ts'
import type { Tree, TreeFile } from './model.ts'
import type { StoredBlob, StoredBlobs } from './stored-blobs.ts'

/** A manifest in memory: the canonical bytes, what they say, and its files by path. */
export interface LoadedManifest {
  readonly tree: Tree
  readonly bytes: Uint8Array
  readonly files: ReadonlyMap<string, TreeFile>
}

/** The manifests of stored trees, the last used ones in memory. */
export class Manifests {
  readonly #catalog: Catalog
  readonly #blobs: StoredBlobs
  readonly #healing: Healing
  readonly #memory: LRUCache<Blake3, LoadedManifest>

  constructor(options: {
    readonly catalog: Catalog
    readonly blobs: StoredBlobs
    readonly healing: Healing
    readonly memoryBytes: number
  }) {
    this.#catalog = options.catalog
    this.#blobs = options.blobs
    this.#healing = options.healing
    // A parsed manifest takes some four times its bytes.
    this.#memory = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: ({ bytes }) => 1024 + 4 * bytes.length,
    })
  }

  /** Undefined where no such tree is stored. Throws {@link BlobDamagedError}. */
  find(id: Blake3): AtHand<LoadedManifest | undefined> {
    return this.#memory.get(id) ?? this.#load(id)
  }

  /** Forgets everything in memory: some of it was pruned, or is damaged. */
  forget(): void {
    this.#memory.clear()
  }

  async #load(id: Blake3): Promise<LoadedManifest | undefined> {
    const isStored = (await this.#catalog.findTree(id)) !== undefined
    // It may just have lost its record, for a damaged file's sake.
    if (!isStored && !(await this.#healing.restoreTree(id))) return undefined
    const bytes = await readMended(
      (error) => this.#healing.mend(error),
      () => this.#read(id),
    )
    const tree = parseManifest(bytes)
    const manifest = { tree, bytes, files: new Map(tree.files.map((file) => [file.path, file])) }
    this.#memory.set(id, manifest)
    return manifest
  }

  async #read(id: Blake3): Promise<Uint8Array> {
    const blob = await this.#blobs.find(id)
    if (blob === undefined) throw new BlobDamagedError(id, 'the manifest of a tree is gone')
    if (blob.bytes !== undefined) return blob.bytes
    const bytes = await readWhole(blob)
    if (hashBlake3(bytes) !== id) throw new BlobDamagedError(id, 'has other bytes than the manifest that it was')
    return bytes
  }
}

async function readWhole(blob: StoredBlob): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(blob.size)
  let position = 0
  for await (const chunk of await blob.open(0, blob.size - 1, new AbortController().signal)) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}
