import type { Blake3 } from '../digest.ts'
import { Pace } from './pace.ts'
import { blake3Of } from './raw-digest.ts'
import type { Connection } from './sqlite-connection.ts'
import { noChange, subtractFromTotals } from './totals.ts'

interface BlobRow {
  readonly id: number
  readonly size: number
  readonly pack: number | null
  readonly needs: number
  readonly holds: number | null
}

const BLOB_COLUMNS = 'blob.id, blob.size, blob.pack, blob.needs, blob.holds'

/**
 * Reckons what goes with distributions that go, by reading alone; {@link apply} then deletes exactly that. A plan and its execution
 * are the same reckoning, so that they cannot differ. Lives within one transaction, and is used by one caller at a time.
 */
export class Removal {
  readonly #connection: Connection
  readonly #pace = new Pace()
  readonly #distributions = new Set<number>()
  readonly #trees = new Set<number>()
  readonly #blobs = new Set<number>()
  /** What the counters become, for every blob and tree that lost something. */
  readonly #needs = new Map<number, number>()
  readonly #holds = new Map<number, number>()
  readonly #wheels = new Map<number, number>()
  readonly #gone = noChange()

  constructor(connection: Connection) {
    this.#connection = connection
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
    return this.#blobs.size - this.packs
  }

  /** Bytes of the files that go. */
  get freedBytes(): number {
    return this.#gone.fileBytes
  }

  /** What nothing refers to. Comes before the first {@link drop}. */
  async dropUnneeded(): Promise<void> {
    for (const { id } of this.#connection.all<{ id: number }>('SELECT id FROM tree WHERE wheels = 0')) {
      await this.#dropTree(id)
    }
    const unneeded = this.#connection.all<BlobRow>(
      `SELECT ${BLOB_COLUMNS} FROM blob WHERE needs = 0 AND ifnull(holds, 0) = 0`,
    )
    for (const blob of unneeded) this.#dropBlob(blob)
  }

  /** One distribution, and all that only it needs. */
  async drop(distribution: number): Promise<void> {
    if (this.#distributions.has(distribution)) return
    const { tree } = this.#connection.get<{ tree: number | null }>(
      'SELECT tree FROM distribution WHERE id = ?',
      distribution,
    )
    this.#distributions.add(distribution)
    this.#releaseBlob(this.#readBlob(distribution))
    if (tree === null) return
    const wheels = (this.#wheels.get(tree) ?? this.#readWheels(tree)) - 1
    this.#wheels.set(tree, wheels)
    if (wheels === 0) await this.#dropTree(tree)
  }

  /** Deletes the records. Returns the blobs that had files of their own. */
  async apply(): Promise<{ readonly blake3: Blake3; readonly size: number }[]> {
    await this.#each(this.#distributions, (id) => this.#connection.run('DELETE FROM distribution WHERE id = ?', id))
    await this.#each(this.#trees, (id) => {
      this.#connection.run('DELETE FROM tree_blob WHERE tree = ?', id)
      this.#connection.run('DELETE FROM tree WHERE id = ?', id)
    })
    const files: { blake3: Blake3; size: number }[] = []
    await this.#each(this.#blobs, (id) => {
      const { blake3, size, pack } = this.#connection.get<{ blake3: Uint8Array; size: number; pack: number | null }>(
        'DELETE FROM blob WHERE id = ? RETURNING blake3, size, pack',
        id,
      )
      if (pack === null) files.push({ blake3: blake3Of(blake3), size })
    })
    await this.#each(this.#needs, ([id, needs]) => {
      if (!this.#blobs.has(id)) this.#connection.run('UPDATE blob SET needs = ? WHERE id = ?', needs, id)
    })
    await this.#each(this.#holds, ([id, holds]) => {
      if (!this.#blobs.has(id)) this.#connection.run('UPDATE blob SET holds = ? WHERE id = ?', holds, id)
    })
    subtractFromTotals(this.#connection, this.#gone)
    return files
  }

  async #each<T>(values: Iterable<T>, work: (value: T) => void): Promise<void> {
    for (const value of values) {
      work(value)
      if (this.#pace.isDue) await this.#pace.rest()
    }
  }

  async #dropTree(tree: number): Promise<void> {
    this.#trees.add(tree)
    const blobs = this.#connection.all<BlobRow>(
      `SELECT ${BLOB_COLUMNS} FROM tree_blob JOIN blob ON blob.id = tree_blob.blob WHERE tree = ?`,
      tree,
    )
    for (const blob of blobs) this.#releaseBlob(blob)
    if (this.#pace.isDue) await this.#pace.rest()
  }

  /** One that needed the blob is gone. */
  #releaseBlob(blob: BlobRow): void {
    const needs = (this.#needs.get(blob.id) ?? blob.needs) - 1
    this.#needs.set(blob.id, needs)
    if (needs === 0 && (this.#holds.get(blob.id) ?? blob.holds ?? 0) === 0) this.#dropBlob(blob)
  }

  #dropBlob({ id, size, pack, holds }: BlobRow): void {
    this.#blobs.add(id)
    if (pack === null) {
      this.#gone.files += 1
      this.#gone.fileBytes += size
      if (holds === null) return
      this.#gone.packs += 1
      this.#gone.packBytes += size
      return
    }
    this.#gone.slices += 1
    this.#gone.sliceBytes += size
    this.#releasePack(pack)
  }

  /** One of its slices is gone. */
  #releasePack(id: number): void {
    const kept = this.#holds.get(id)
    const holds = (kept ?? this.#readBlob(id).holds ?? 0) - 1
    this.#holds.set(id, holds)
    if (holds > 0) return
    const pack = this.#readBlob(id)
    if ((this.#needs.get(id) ?? pack.needs) === 0) this.#dropBlob(pack)
  }

  #readBlob(id: number): BlobRow {
    return this.#connection.get<BlobRow>(`SELECT ${BLOB_COLUMNS} FROM blob WHERE id = ?`, id)
  }

  #readWheels(tree: number): number {
    return this.#connection.get<{ wheels: number }>('SELECT wheels FROM tree WHERE id = ?', tree).wheels
  }
}
