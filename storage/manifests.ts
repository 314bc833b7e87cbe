import type { AtHand } from './at-hand.ts'
import { BoundedMemory } from './bounded-memory.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type Blake3, hashBlake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'
import type { Healing } from './healing.ts'
import { parseManifest } from './manifest.ts'
import { readMended } from './mending.ts'
import type { Tree, TreeFile } from './model.ts'
import { Pace } from './pace.ts'
import { SingleFlight } from './single-flight.ts'
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
  readonly #memory: BoundedMemory<LoadedManifest>
  /** Manifests that are being read: a large one is parsed once for all who ask. */
  #loading = new SingleFlight<Blake3, LoadedManifest | undefined>()

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
    this.#memory = new BoundedMemory({
      maxBytes: options.memoryBytes,
      sizeOf: ({ bytes }) => 1024 + 4 * bytes.length,
    })
  }

  /** Undefined where no such tree is stored. Throws {@link BlobDamagedError}. */
  find(id: Blake3): AtHand<LoadedManifest | undefined> {
    return this.#memory.get(id) ?? this.#loading.run(id, () => this.#load(id))
  }

  /** Forgets everything in memory: some of it was pruned, or is damaged. */
  forget(): void {
    this.#memory.clear()
    this.#loading = new SingleFlight()
  }

  async #load(id: Blake3): Promise<LoadedManifest | undefined> {
    const loading = this.#loading
    const isStored = (await this.#catalog.findTree(id)) !== undefined
    // The tree may just have lost its record because a file of it is damaged.
    if (!isStored && !(await this.#healing.restoreTree(id))) return undefined
    const bytes = await readMended(
      (error) => this.#healing.mend(error),
      () => this.#read(id),
    )
    const tree = await parseManifest(bytes)
    const manifest = { tree, bytes, files: await mapPaths(tree.files) }
    // Unless everything was to be forgotten meanwhile.
    if (loading === this.#loading) this.#memory.set(id, manifest)
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

/** In turns with others. */
async function mapPaths(files: readonly TreeFile[]): Promise<Map<string, TreeFile>> {
  const pace = new Pace()
  const paths = new Map<string, TreeFile>()
  for (const [place, file] of files.entries()) {
    paths.set(file.path, file)
    if (place % 1000 === 0 && pace.isDue) await pace.rest()
  }
  return paths
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
