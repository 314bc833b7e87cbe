import type { BlobStore } from './blobs/blob-store.ts'
import { isUnreadable } from './blobs/unreadable.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Blake3 } from './digest.ts'
import { ArchiveRefusedError, BlobDamagedError, StoreChangedError, StoreClosedError } from './errors.ts'
import type { Healed } from './healing.ts'
import type { RecordVerdict, Unpacking } from './model.ts'
import { RecordVerdicts } from './record-verdicts.ts'
import { SingleFlight } from './single-flight.ts'
import type { TreeSyncs } from './tree-syncs.ts'
import type { Unpacker, UnpackResult } from './unpacker.ts'
import { POLICY_VERSION } from './archive/policy.ts'

/** How often an unpacking starts afresh because a prune took away what it relied on. */
const MAX_CHANGES = 3

/** A smaller wheel is unpacked in less time than processes take to agree on who does it, bytes. */
const MIN_CLAIMED_BYTES = 1 << 20

interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly unpacker: Unpacker
  /** Whom a committed tree's files are given to. */
  readonly syncs: TreeSyncs
  /** Looks at the file of a wheel, and has it downloaded again if it is damaged or gone. */
  readonly heal: (wheel: Blake3) => Promise<Healed>
  /** Keeps other processes from unpacking the same wheel until it is disposed of. Absent: each process unpacks what it is asked for. */
  readonly claim?: (wheel: Blake3) => Promise<AsyncDisposable | undefined>
  /** Told of trouble in work that nobody waits for. */
  readonly onError: (error: unknown, task: string) => void
}

/** Makes each wheel's tree once, whoever asks and however often, and commits what came of it. */
export class Unpackings {
  readonly #stores: Stores
  readonly #flights = new SingleFlight<Blake3, Unpacking>()
  readonly #verdicts: RecordVerdicts

  constructor(stores: Stores) {
    this.#stores = stores
    this.#verdicts = new RecordVerdicts(stores)
  }

  /** The outcome for a stored wheel: the one that is known, or the one of unpacking it now. Throws only where the store fails. */
  async outcomeOf(wheel: Blake3): Promise<Unpacking> {
    const record = await this.#stores.catalog.findDistribution({ algorithm: 'blake3', hex: wheel })
    if (this.#isCurrent(record?.unpacking)) return record.unpacking
    return this.#flights.run(wheel, () => this.#unpackClaimed(wheel, record?.size ?? 0))
  }

  /**
   * Takes up the wheels that an earlier process left, one after the other, until the signal is aborted: those without an outcome, and those without
   * RECORD's verdict, which are unpacked once more for it. Trouble with one of them is told, and does not keep it from the next.
   */
  async resume(signal: AbortSignal): Promise<void> {
    const { catalog, unpacker, onError } = this.#stores
    const resumeEach = async (
      wheels: readonly Blake3[],
      unpack: (wheel: Blake3) => Promise<unknown>,
    ): Promise<void> => {
      for (const wheel of wheels) {
        if (signal.aborted) return
        await unpack(wheel).catch((error: unknown) => {
          // One that was pruned before its turn came is no trouble.
          if (!signal.aborted && !(error instanceof StoreChangedError)) onError(error, `unpacking ${wheel}`)
        })
      }
    }
    await resumeEach(await catalog.listUnpackable(POLICY_VERSION, unpacker.limits), (wheel) => this.outcomeOf(wheel))
    await resumeEach(await catalog.listUnchecked(), (wheel) => this.#flights.run(wheel, () => this.#unpack(wheel)))
  }

  /** RECORD's verdict on an unpacked wheel, as soon as it is there; `pending` where another process makes it, or it failed. */
  async recordOf(wheel: Blake3): Promise<RecordVerdict | 'pending'> {
    // If a verdict could not be made, that was reported.
    return (await this.#verdicts.find(wheel)?.catch(() => undefined)) ?? 'pending'
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    await this.#flights.settle()
    await this.#verdicts.settle()
  }

  /** Of several processes one unpacks it, and the others wait for what that commits. */
  async #unpackClaimed(wheel: Blake3, size: number): Promise<Unpacking> {
    const { claim, catalog } = this.#stores
    if (claim === undefined || size < MIN_CLAIMED_BYTES) return this.#unpack(wheel)
    const claimed = await claim(wheel)
    try {
      const record = await catalog.findDistribution({ algorithm: 'blake3', hex: wheel })
      return this.#isCurrent(record?.unpacking) ? record.unpacking : await this.#unpack(wheel)
    } finally {
      await claimed?.[Symbol.asyncDispose]()
    }
  }

  async #unpack(wheel: Blake3): Promise<Unpacking> {
    for (let changes = 0; ; changes += 1) {
      try {
        return await this.#unpackOnce(wheel)
      } catch (error) {
        const isRefused = error instanceof ArchiveRefusedError
        // A damaged file must not decide about its wheel.
        if ((isRefused || isUnreadable(error)) && changes < MAX_CHANGES && (await this.#isHealed(wheel))) continue
        if (isRefused) return this.#refuse(wheel, error)
        if (!(error instanceof StoreChangedError) || changes === MAX_CHANGES) throw error
      }
    }
  }

  async #unpackOnce(wheel: Blake3): Promise<Unpacking> {
    const { blobs, catalog, syncs, unpacker } = this.#stores
    const path = (await blobs.localPath(wheel)) ?? ((await this.#isHealed(wheel)) && (await blobs.localPath(wheel)))
    if (typeof path !== 'string') throw new StoreChangedError(`wheel ${wheel} is gone`)
    await syncs.awaitRoom()
    const result = await unpacker.unpack(path).catch(async (error: unknown) => {
      if (error instanceof ArchiveRefusedError || (await blobs.localPath(wheel)) !== undefined) throw error
      throw new StoreChangedError(`wheel ${wheel} is gone`, { cause: error })
    })
    const { staged, unpacked, unchecked } = result
    const record = unchecked.length === 0 ? unpacked.record : 'pending'
    try {
      const adopt = (): Promise<void> => blobs.adopt(staged, { durable: 'later' })
      const unsynced = await catalog.addTree(wheel, { ...unpacked, record }, { adopt })
      syncs.begin(unsynced, bytesOf(unpacked))
    } catch (error) {
      await Promise.all(staged.map((file) => blobs.discard(file.path)))
      throw error
    }
    if (record === 'pending') void this.#checkLater(wheel, result)
    return { kind: 'unpacked', tree: unpacked.tree.id, record }
  }

  /** Never rejects: a verdict that could not be made is made at the next start. */
  async #checkLater(wheel: Blake3, result: UnpackResult): Promise<void> {
    try {
      await this.#verdicts.make(wheel, result)
    } catch (error) {
      // Pruned meanwhile, or the process ends.
      if (error instanceof StoreChangedError || error instanceof StoreClosedError) return
      this.#stores.onError(error, `checking RECORD of ${wheel}`)
    }
  }

  /** False: it was not damaged. Throws {@link BlobDamagedError} where it is, and is not to be had for now. */
  async #isHealed(wheel: Blake3): Promise<boolean> {
    const healed = await this.#stores.heal(wheel)
    if (healed === 'not healed')
      throw new BlobDamagedError(wheel, 'is damaged or gone, and not to be had again for now')
    return healed === 'healed'
  }

  async #refuse(wheel: Blake3, error: ArchiveRefusedError): Promise<Unpacking> {
    const refusal = {
      kind: 'refused',
      reason: error.reason,
      detail: error.detail,
      path: error.path,
      policy: POLICY_VERSION,
      ...(error.reason === 'limit' ? { limits: this.#stores.unpacker.limits } : {}),
    } as const
    await this.#stores.catalog.addRefusal(wheel, refusal)
    return refusal
  }

  /** A tree stays right for ever; a refusal is asked again when the rules have changed, or the limits that it was for. */
  #isCurrent(unpacking: Unpacking | undefined): unpacking is Unpacking {
    if (unpacking?.kind !== 'refused') return unpacking !== undefined
    const { policy, reason, limits } = unpacking
    return policy === POLICY_VERSION && (reason !== 'limit' || limits === this.#stores.unpacker.limits)
  }
}

/** Of the files that were written. */
function bytesOf({ placed }: UnpackResult['unpacked']): number {
  return placed.reduce((sum, [, place]) => sum + (place.kind === 'file' ? place.size : 0), 0)
}
