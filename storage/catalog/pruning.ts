import type { Blake3, Sha256 } from '../digest.ts'
import type { Sighting } from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'

/** What may stay. With no field set nothing goes but what nothing refers to. */
export interface PruneBudget {
  /** Bytes on the disk that the store may have at most. */
  readonly maxBytes?: number | undefined
  /** Distributions that were not used for longer than this go, milliseconds. */
  readonly unusedForMs?: number | undefined
  /** Files that the store may have at most. */
  readonly maxFiles?: number | undefined
  /** Bytes of the disk that are to be free. */
  readonly keepFreeBytes?: number | undefined
  /** Only these may go; without any limit all of them do. */
  readonly only?: PruneSelection | undefined
}

/** A distribution belongs to an index, or to a project, if all its sightings do. An absent field fits all. */
export interface PruneSelection {
  readonly index?: IndexName | undefined
  readonly project?: ProjectName | undefined
  readonly sha256?: Sha256 | undefined
}

export interface PrunedDistribution {
  readonly blake3: Blake3
  readonly sha256: Sha256
  readonly size: number
  readonly sightings: readonly Sighting[]
  readonly usedAt: number
  readonly reason: 'unused' | 'size' | 'files' | 'free-space' | 'selected'
  /** Bytes on the disk that go with it, its tree's exclusive blobs included, given that those before it in the plan are gone. */
  readonly freedBytes: number
}

/** In the order in which they go. An array will do, and so will what holds a hundred thousand in a fraction of its memory. */
export interface PrunedDistributions extends Iterable<PrunedDistribution> {
  readonly length: number
  at(index: number): PrunedDistribution | undefined
}

export interface PrunePlan {
  readonly distributions: PrunedDistributions
  /** Distributions that would go, but are pinned. */
  readonly pinned: number
  /** Trees, blobs and packs that go with them, or that nothing referred to anyway. */
  readonly trees: number
  readonly blobs: number
  readonly packs: number
  /** Bytes on the disk before, and those that the plan frees. */
  readonly storedBytes: number
  readonly freedBytes: number
  /** Absent where the limits are met. */
  readonly shortfall?: PruneShortfall
}

/** By how much a plan stays short of its budget: each figure only where that limit is not met. */
export interface PruneShortfall {
  /** Bytes on the disk that are more than the store may have. */
  readonly storedBytes?: number
  /** Files that are more than it may have. */
  readonly files?: number
  /** Bytes of the disk that are to be free, and are not. */
  readonly freeBytes?: number
  /** Why no more goes: it is pinned, it was not selected, or there is no more. */
  readonly reason: 'pinned' | 'not-selected' | 'nothing-left'
}

export interface ExecuteOptions {
  /** Ends it early: what was done by then is whole, and is its outcome. */
  readonly signal?: AbortSignal | undefined
  /** It is no run of its own: the stats do not name it, and files that no record names are left to the next one. */
  readonly isPartial?: boolean | undefined
  /** Called now and then with what was done so far. */
  readonly onProgress?: ((outcome: PruneOutcome) => void) | undefined
}

/** What an execution really did; equals the plan where nothing changed in between. */
export interface PruneOutcome {
  readonly distributions: number
  readonly trees: number
  readonly blobs: number
  readonly packs: number
  readonly freedBytes: number
}
