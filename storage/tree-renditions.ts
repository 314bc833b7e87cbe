import { LRUCache } from 'lru-cache'
import type { AtHand } from './at-hand.ts'
import { BlobsInTurn, type BlobsInTurnOptions } from './blobs-in-turn.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import type { Tree, TreeFile } from './model.ts'
import type { Rendition } from './tar/rendition.ts'
import { type OpenBlobs, renderMissing, renderTar, renderTarZst } from './tar/tars.ts'
import { WheelLayouts, type WheelLayoutsOptions } from './tar/wheel-layouts.ts'

/** Ways to send a whole tree. */
export type ArchiveForm = 'tar' | 'tar.gz' | 'tar.zst'

/** How many trees we remember a wheel of. */
const MAX_WHEELS = 10_000

export type TreeRenditionsOptions = WheelLayoutsOptions & BlobsInTurnOptions

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
  gzipFile(tree: Tree, file: TreeFile): AtHand<Rendition | undefined> {
    const wheel = this.#wheels.get(tree.id)
    const gzip = wheel === undefined ? this.#findGzip(tree, file) : this.#layouts.gzip(wheel, tree, file)
    return gzip instanceof Promise ? gzip.catch((error: unknown) => this.#forgetIfGone(tree.id, error)) : gzip
  }

  async #findGzip(tree: Tree, file: TreeFile): Promise<Rendition | undefined> {
    const wheel = await this.#findWheel(tree.id)
    if (wheel === undefined) return undefined
    this.#wheels.set(tree.id, wheel)
    return this.#layouts.gzip(wheel, tree, file)
  }

  /** Where the wheel is gone, the file itself may be stored all the same. */
  #forgetIfGone(tree: Blake3, error: unknown): undefined {
    if (!(error instanceof BlobDamagedError || error instanceof StoreChangedError)) throw error
    this.#wheels.delete(tree)
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
