import type { Blake3 } from '../digest.ts'
import { BlobLedger } from './blob-ledger.ts'
import { Pace } from '../pace.ts'
import { blake3Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { noChange, subtractFromTotals } from './totals.ts'

/** A blob that had a file of its own. */
export interface RemovedFile {
  readonly blake3: Blake3
  readonly size: number
}

/** A distribution's id, and its tree's. */
export interface RemovableDistribution {
  readonly id: number
  readonly tree: number | null
}

/** Records that are reckoned with, or deleted, in one step: some milliseconds. */
const STEP_ROWS = 128

/**
 * Works out what else goes when distributions go (trees, blobs, packs), by reading alone; {@link apply} then deletes exactly that. A plan and its
 * execution use the same code, so that they cannot differ. Lives within one transaction, and is used by one caller at a time.
 */
export class Removal {
  readonly #connection: Connection
  readonly #pace = new Pace()
  readonly #distributions = new Set<number>()
  readonly #trees = new Set<number>()
  readonly #ledger: BlobLedger
  /** How many distributions still need a tree, for each that lost one. */
  readonly #wheels = new Map<number, number>()
  readonly #gone = noChange()
  #released = 0

  constructor(connection: Connection) {
    this.#connection = connection
    this.#ledger = new BlobLedger(connection)
  }

  get distributions(): number {
    return this.#distributions.size
  }

  get trees(): number {
    return this.#trees.size
  }

  get packs(): number {
    return this.#gone.packs
  }

  /** Packs not counted. */
  get blobs(): number {
    return this.#gone.files + this.#gone.slices - this.#gone.packs
  }

  /** Bytes of the files that go. */
  get freedBytes(): number {
    return this.#gone.fileBytes
  }

  get freedFiles(): number {
    return this.#gone.files
  }

  /** About how many records {@link apply} deletes or changes. */
  get records(): number {
    return this.#distributions.size + this.#released + this.#trees.size
  }

  /** Drops what nothing refers to. Comes before the first {@link drop}. */
  async dropUnneeded(): Promise<void> {
    for (const { id } of this.#connection.all<{ id: number }>('SELECT id FROM tree WHERE wheels = 0')) {
      await this.#dropTree(id)
    }
    const unneeded = this.#connection.all<{ id: number }>(
      'SELECT id FROM blob WHERE needs = 0 AND ifnull(holds, 0) = 0',
    )
    await this.#each(unneeded, (some) => {
      for (const { id } of some) this.#dropBlob(id)
    })
  }

  /** Drops one distribution, and all that only it needs. */
  async drop({ id, tree }: RemovableDistribution): Promise<void> {
    if (this.#distributions.has(id)) return
    this.#distributions.add(id)
    this.#releaseBlob(id)
    if (this.#pace.isDue) await this.#pace.rest()
    if (tree === null) return
    const wheels = (this.#wheels.get(tree) ?? this.#readWheels(tree)) - 1
    this.#wheels.set(tree, wheels)
    if (wheels === 0) await this.#dropTree(tree)
  }

  /** Deletes the records. Returns the blobs that had files of their own. */
  async apply(): Promise<RemovedFile[]> {
    for (const table of [
      { ids: this.#distributions, sql: 'DELETE FROM distribution WHERE id IN (SELECT value FROM json_each(?))' },
      { ids: this.#trees, sql: 'DELETE FROM tree_blob WHERE tree IN (SELECT value FROM json_each(?))' },
      { ids: this.#trees, sql: 'DELETE FROM tree WHERE id IN (SELECT value FROM json_each(?))' },
    ]) {
      await this.#each([...table.ids], (ids) => this.#connection.run(table.sql, JSON.stringify(ids)))
    }
    const files: RemovedFile[] = []
    for (const ids of this.#ledger.gone()) await this.#each(ids, (some) => files.push(...this.#deleteBlobs(some)))
    for (const entries of this.#ledger.changed()) await this.#each(entries, (some) => this.#updateBlobs(some))
    subtractFromTotals(this.#connection, this.#gone)
    return files
  }

  /** Does `work` with some of the values at a time. */
  async #each<T>(values: readonly T[], work: (some: readonly T[]) => void): Promise<void> {
    for (let start = 0; start < values.length; start += STEP_ROWS) {
      work(values.slice(start, start + STEP_ROWS))
      if (this.#pace.isDue) await this.#pace.rest()
    }
  }

  #deleteBlobs(ids: readonly number[]): RemovedFile[] {
    const files = ids.filter((id) => this.#ledger.packOf(id) === 0)
    const slices = ids.filter((id) => this.#ledger.packOf(id) !== 0)
    this.#connection.run('DELETE FROM blob WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(slices))
    return this.#connection
      .all<{ blake3: Uint8Array; size: number }>(
        'DELETE FROM blob WHERE id IN (SELECT value FROM json_each(?)) RETURNING blake3, size',
        JSON.stringify(files),
      )
      .map(({ blake3, size }) => ({ blake3: blake3Of(blake3), size }))
  }

  #updateBlobs(
    entries: readonly { readonly id: number; readonly needs: number; readonly holds: number | undefined }[],
  ) {
    this.#connection.run(
      `UPDATE blob SET needs = value ->> 1, holds = value ->> 2 FROM json_each(?) WHERE blob.id = value ->> 0`,
      JSON.stringify(entries.map(({ id, needs, holds = null }) => [id, needs, holds])),
    )
  }

  async #dropTree(tree: number): Promise<void> {
    this.#trees.add(tree)
    const { blobs } = this.#connection.get<{ blobs: string }>(
      'SELECT json_group_array(blob) AS blobs FROM tree_blob WHERE tree = ?',
      tree,
    )
    await this.#each(JSON.parse(blobs) as number[], (some) => {
      for (const blob of some) this.#releaseBlob(blob)
    })
  }

  /** A distribution or a tree that needed the blob is gone. */
  #releaseBlob(id: number): void {
    this.#released += 1
    if (this.#ledger.release(id)) this.#dropBlob(id)
  }

  #dropBlob(id: number): void {
    const size = this.#ledger.sizeOf(id)
    const pack = this.#ledger.packOf(id)
    this.#ledger.drop(id)
    if (pack !== 0) {
      this.#gone.slices += 1
      this.#gone.sliceBytes += size
      if (this.#ledger.releaseSlice(pack)) this.#dropBlob(pack)
      return
    }
    this.#gone.files += 1
    this.#gone.fileBytes += size
    if (!this.#ledger.isPack(id)) return
    this.#gone.packs += 1
    this.#gone.packBytes += size
  }

  #readWheels(tree: number): number {
    return this.#connection.get<{ wheels: number }>('SELECT wheels FROM tree WHERE id = ?', tree).wheels
  }
}
