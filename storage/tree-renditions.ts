import { LRUCache } from 'lru-cache'
import { BlobsInTurn } from './blobs-in-turn.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { BlobDamagedError } from './errors.ts'
import type { Tree } from './model.ts'
import type { Rendition } from './tar/rendition.ts'
import { type OpenBlobs, renderMissing, renderTar, renderTarZst } from './tar/tars.ts'
import { WheelLayouts, type WheelLayoutsOptions } from './tar/wheel-layouts.ts'
import type { TreePath } from './names.ts'
import { searchFiles } from './tree-search.ts'

/** Ways to send a whole tree. */
export type ArchiveForm = 'tar' | 'tar.gz' | 'tar.zst'

/** Trees whose wheel is remembered. */
const MAX_WHEELS = 10_000

export interface TreeRenditionsOptions extends WheelLayoutsOptions {
  readonly catalog: Catalog
}

/** Stored trees in the forms in which they travel: as archives, or file by file in the wheel's own compression. */
export class TreeRenditions {
  readonly #catalog: Catalog
  readonly #openBlobs: OpenBlobs
  readonly #layouts: WheelLayouts
  readonly #wheels = new LRUCache<Blake3, Blake3>({ max: MAX_WHEELS })

  constructor(options: TreeRenditionsOptions) {
    this.#catalog = options.catalog
    this.#openBlobs = () => new BlobsInTurn(options)
    this.#layouts = new WheelLayouts(options)
  }

  /** A tree as an archive; a `.tar.gz` is made of `wheel`, or of whichever stored wheel has the tree: undefined where none has (any more). */
  async archive(tree: Tree, form: ArchiveForm, wheel?: Blake3): Promise<Rendition | undefined> {
    if (form === 'tar') return renderTar(tree, this.#openBlobs)
    if (form === 'tar.zst') return renderTarZst(tree, this.#openBlobs)
    const source = wheel ?? (await this.#findWheel(tree.id))
    return source && this.#layouts.tarGz(source)
  }

  /** Those blobs of a tree that are not in `have`, as a `.tar`. */
  missing(tree: Tree, have: ReadonlySet<Blake3>): Rendition {
    return renderMissing(tree, have, this.#openBlobs)
  }

  /** A file as gzip, in the wheel's own compression; undefined where no stored wheel has it smaller than it is. */
  async gzipFile(tree: Tree, path: TreePath): Promise<Rendition | undefined> {
    const index = searchFiles(tree.files, path)
    const file = tree.files[index]
    const wheel = file && (this.#wheels.get(tree.id) ?? (await this.#findWheel(tree.id)))
    if (file?.path !== path || wheel === undefined) return undefined
    this.#wheels.set(tree.id, wheel)
    try {
      const rendition = await this.#layouts.gzip(wheel, index, file)
      return (rendition?.size ?? Infinity) < file.size ? rendition : undefined
    } catch (error) {
      if (!(error instanceof BlobDamagedError)) throw error
      // The wheel is gone, but the file itself may be stored all the same.
      this.#wheels.delete(tree.id)
      return undefined
    }
  }

  /** A stored wheel that unpacks to this tree. */
  async #findWheel(tree: Blake3): Promise<Blake3 | undefined> {
    const [wheel] = await this.#catalog.findWheelsOfTree(tree)
    return wheel?.blake3
  }

  /** Forgets everything in memory: some of it was pruned. */
  forget(): void {
    this.#wheels.clear()
    this.#layouts.forget()
  }
}
