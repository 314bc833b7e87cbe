import type { BlobStore } from './blobs/blob-store.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { ArchiveRefusedError, StoreChangedError } from './errors.ts'
import type { Unpacking } from './model.ts'
import { SingleFlight } from './single-flight.ts'
import type { Unpacker } from './unpacker.ts'
import { POLICY_VERSION } from './archive/policy.ts'

/** How often an unpacking starts afresh because a prune took away what it relied on. */
const MAX_CHANGES = 3

interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly unpacker: Unpacker
}

/** Makes each wheel's tree once, whoever asks and however often, and commits what came of it. */
export class Unpackings {
  readonly #stores: Stores
  readonly #flights = new SingleFlight<Blake3, Unpacking>()

  constructor(stores: Stores) {
    this.#stores = stores
  }

  /** The outcome for a stored wheel: the one that is known, or the one of unpacking it now. Throws only where the store fails. */
  async outcomeOf(wheel: Blake3): Promise<Unpacking> {
    const record = await this.#stores.catalog.findDistribution({ algorithm: 'blake3', hex: wheel })
    return isCurrent(record?.unpacking) ? record.unpacking : this.#flights.run(wheel, () => this.#unpack(wheel))
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#flights.settle()
  }

  async #unpack(wheel: Blake3): Promise<Unpacking> {
    for (let changes = 0; ; changes += 1) {
      try {
        return await this.#unpackOnce(wheel)
      } catch (error) {
        if (error instanceof ArchiveRefusedError) return this.#refuse(wheel, error)
        if (!(error instanceof StoreChangedError) || changes === MAX_CHANGES) throw error
      }
    }
  }

  async #unpackOnce(wheel: Blake3): Promise<Unpacking> {
    const { blobs, catalog, unpacker } = this.#stores
    const path = await blobs.localPath(wheel)
    if (path === undefined) throw new StoreChangedError(`wheel ${wheel} is gone`)
    const { staged, unpacked } = await unpacker.unpack(path)
    try {
      await catalog.addTree(wheel, unpacked, { adopt: () => blobs.adopt(staged) })
    } catch (error) {
      await Promise.all(staged.map((file) => blobs.discard(file.path)))
      throw error
    }
    return { kind: 'unpacked', tree: unpacked.tree.id, record: unpacked.record }
  }

  async #refuse(wheel: Blake3, error: ArchiveRefusedError): Promise<Unpacking> {
    const refusal = {
      kind: 'refused',
      reason: error.reason,
      detail: error.message,
      path: error.path,
      policy: POLICY_VERSION,
    } as const
    await this.#stores.catalog.addRefusal(wheel, refusal)
    return refusal
  }
}

/** A tree stays right for ever; a refusal is asked again when the rules have changed. */
function isCurrent(unpacking: Unpacking | undefined): unpacking is Unpacking {
  return unpacking?.kind === 'unpacked' || unpacking?.policy === POLICY_VERSION
}
