import { LRUCache } from 'lru-cache'
import type { Content } from '../routes/content.ts'
import type { FileReference, PageSnapshot } from '../routes/repository.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { IndexName } from '../storage/names.ts'

/** An upper bound for what is kept of a wheel beside its metadata, bytes. */
const RECORD_BYTES = 1024

interface Kept {
  readonly index: IndexName
  /** The page that offered the wheel, with which the metadata was compared. Weak: it may be a hundred times as large, and out of date by now. */
  readonly page: WeakRef<PageSnapshot>
  readonly content: Content
}

/**
 * Metadata that was used last, in memory: a resolver asks for that of dozens of wheels. What is right to serve depends on what the wheel's page promises,
 * and on what is known of the wheel. So each is good only as long as that page is the same one, and nothing new was learned of the wheel.
 */
export class MetadataMemory {
  readonly #kept: LRUCache<Sha256, Kept>
  /** How often something new was learned. */
  #generation = 0

  constructor(maxBytes: number) {
    this.#kept = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ content: { size = 0 } }) => RECORD_BYTES + size,
    })
  }

  /** For {@link keep}: to be asked before what is to be kept is looked for. */
  get generation(): number {
    return this.#generation
  }

  find({ index, sha256 }: FileReference, page: PageSnapshot): Content | undefined {
    const kept = sha256 && this.#kept.get(sha256)
    return kept?.page.deref() === page && kept.index === index ? kept.content : undefined
  }

  /** Keeps what was found right beside `page`, unless something was learned meanwhile. */
  keep(
    { index, sha256 }: FileReference,
    { page, content }: { readonly page: PageSnapshot; readonly content: Content },
    generation: number,
  ): void {
    if (sha256 === undefined || generation !== this.#generation) return
    this.#kept.set(sha256, { index, page: new WeakRef(page), content })
  }

  /** To be called when something new was learned of a wheel. */
  forget(wheel: Sha256): void {
    this.#generation += 1
    this.#kept.delete(wheel)
  }
}
