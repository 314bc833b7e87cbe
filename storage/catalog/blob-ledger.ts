import type { Connection } from './sqlite-connection.ts'

/** How many records are read at once: those of one wheel are side by side. */
const BLOCK = 512

/** The columns of {@link BLOCK} records with consecutive ids; each array is indexed by id minus `first`. */
interface Block {
  readonly first: number
  readonly sizes: Float64Array
  /** Id of the pack that it lies in; 0: it has a file of its own. */
  readonly packs: Float64Array
  /** How many distributions and trees need it. */
  readonly needs: Int32Array
  /** How many blobs lie in it; -1: it was never a pack. */
  readonly holds: Int32Array
  /** 0: as it was read; else {@link CHANGED} or {@link GONE}. */
  readonly fates: Uint8Array
}

const CHANGED = 1
const GONE = 2

/** What the ledger says of one blob. */
interface LedgerEntry {
  readonly id: number
  readonly needs: number
  readonly holds: number | undefined
}

/**
 * Works out in memory which blobs stay when distributions and trees go: how many of these need each blob, and how many slices lie in each pack.
 * Records are read when they are first asked for, and take some 25 bytes each, so that a plan may go over a million of them.
 */
export class BlobLedger {
  readonly #connection: Connection
  readonly #blocks = new Map<number, Block>()
  /** Most likely the next one is in it, too. */
  #latest: Block | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  sizeOf(id: number): number {
    return this.#blockOf(id).sizes[id % BLOCK] ?? 0
  }

  /** The blob that it is a slice of; 0: it has a file of its own. */
  packOf(id: number): number {
    return this.#blockOf(id).packs[id % BLOCK] ?? 0
  }

  isPack(id: number): boolean {
    return (this.#blockOf(id).holds[id % BLOCK] ?? -1) >= 0
  }

  /** A distribution or a tree needs the blob no more. True: nothing refers to it now. */
  release(id: number): boolean {
    const block = this.#blockOf(id)
    const at = id % BLOCK
    const needs = (block.needs[at] ?? 0) - 1
    block.needs[at] = needs
    block.fates[at] = (block.fates[at] ?? 0) | CHANGED
    return needs === 0 && (block.holds[at] ?? 0) <= 0
  }

  /** A slice of the pack is gone. True: nothing refers to the pack now. */
  releaseSlice(pack: number): boolean {
    const block = this.#blockOf(pack)
    const at = pack % BLOCK
    const holds = (block.holds[at] ?? 0) - 1
    block.holds[at] = holds
    block.fates[at] = (block.fates[at] ?? 0) | CHANGED
    return holds === 0 && (block.needs[at] ?? 0) === 0
  }

  drop(id: number): void {
    this.#blockOf(id).fates[id % BLOCK] = GONE
  }

  /** Ids of the blobs that were dropped, a block at a time. */
  *gone(): Generator<readonly number[]> {
    for (const block of this.#blocks.values()) yield this.#placesOf(block, GONE).map((at) => block.first + at)
  }

  /** The blobs that stay with other counts than before, a block at a time. */
  *changed(): Generator<readonly LedgerEntry[]> {
    for (const block of this.#blocks.values()) {
      yield this.#placesOf(block, CHANGED).map((at) => {
        const holds = block.holds[at] ?? -1
        return { id: block.first + at, needs: block.needs[at] ?? 0, holds: holds < 0 ? undefined : holds }
      })
    }
  }

  #placesOf({ fates }: Block, fate: number): number[] {
    const places: number[] = []
    for (const [at, one] of fates.entries()) if (one === fate) places.push(at)
    return places
  }

  #blockOf(id: number): Block {
    if (this.#latest !== undefined && id >= this.#latest.first && id < this.#latest.first + BLOCK) return this.#latest
    const number = Math.floor(id / BLOCK)
    let block = this.#blocks.get(number)
    if (block === undefined) {
      block = readBlock(this.#connection, number * BLOCK)
      this.#blocks.set(number, block)
    }
    this.#latest = block
    return block
  }
}

/** As JSON, since a row for each would take five times as long. */
function readBlock(connection: Connection, first: number): Block {
  const row = connection.get<Record<'ids' | 'sizes' | 'packs' | 'needs' | 'holds', string>>(
    `SELECT json_group_array(id) AS ids, json_group_array(size) AS sizes, json_group_array(ifnull(pack, 0)) AS packs,
       json_group_array(needs) AS needs, json_group_array(ifnull(holds, -1)) AS holds
     FROM blob WHERE id >= ? AND id < ?`,
    first,
    first + BLOCK,
  )
  const block: Block = {
    first,
    sizes: new Float64Array(BLOCK),
    packs: new Float64Array(BLOCK),
    needs: new Int32Array(BLOCK),
    holds: new Int32Array(BLOCK),
    fates: new Uint8Array(BLOCK),
  }
  const places = (JSON.parse(row.ids) as number[]).map((id) => id - first)
  for (const column of ['sizes', 'packs', 'needs', 'holds'] as const) {
    const values = JSON.parse(row[column]) as number[]
    for (const [index, place] of places.entries()) block[column][place] = values[index] ?? 0
  }
  return block
}
