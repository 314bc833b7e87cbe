import type { Blake3, Digest, Sha256 } from '../digest.ts'
import type {
  Distribution,
  DistributionRecord,
  Place,
  RecordVerdict,
  Sighting,
  StoredPage,
  TreeRecord,
  Unpacking,
} from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'

/**
 * The database of what is stored and what refers to it. Each method is one transaction, durable when it resolves (pages and metadata,
 * which can be fetched again, may be lost in a power cut, but never torn). Every implementation passes `test/contract/catalog.ts`.
 */
export interface Catalog {
  findPage(index: IndexName, project: ProjectName): Promise<StoredPage | undefined>
  savePage(page: StoredPage): Promise<void>
  /** Upstream said "not modified": the page is fresh again. */
  confirmPage(index: IndexName, project: ProjectName, fetchedAt: number): Promise<void>
  /** Upstream has no such project (any more). */
  forgetPage(index: IndexName, project: ProjectName): Promise<void>

  findDistribution(digest: Digest): Promise<DistributionRecord | undefined>
  /** Adds a distribution whose bytes the blob store already has as a file, with where it was seen. Idempotent. */
  addDistribution(distribution: Distribution, sighting: Sighting): Promise<void>
  /** Notes one more place where a stored distribution is listed. Idempotent; nothing happens where it is not stored. */
  addSighting(sha256: Sha256, sighting: Sighting): Promise<void>

  /** The METADATA of a wheel, by the wheel's SHA-256, whether the wheel is stored or not. */
  findMetadata(wheel: Sha256): Promise<Uint8Array | undefined>
  saveMetadata(wheel: Sha256, content: Uint8Array): Promise<void>

  /**
   * Commits a tree with all that is new: packs, blobs, and the wheel's verdict. Idempotent.
   * Throws {@link StoreChangedError} if a blob of the tree is neither stored nor in `placed`: it was pruned meanwhile.
   */
  addTree(wheel: Blake3, unpacked: UnpackedTree): Promise<void>
  /** Keeps why a wheel has no tree. */
  addRefusal(wheel: Blake3, refusal: Extract<Unpacking, { kind: 'refused' }>): Promise<void>
  findTree(id: Blake3): Promise<TreeRecord | undefined>
  /** By uv's hash of the directory; several trees may share one, since it does not cover executable bits. */
  findTreesByDirhash(dirhash: string): Promise<readonly TreeRecord[]>
  /** By uv's archive id (24 base-36 digits). */
  findTreesByArchiveId(archiveId: string): Promise<readonly TreeRecord[]>
  /** The wheels that unpack to this tree. */
  findWheelsOfTree(id: Blake3): Promise<readonly DistributionRecord[]>
  /** Stored wheels without an outcome, or refused by an older policy than this, oldest first. */
  listUnpackable(policy: number): Promise<readonly Blake3[]>

  /** Where a blob is; undefined where it is not stored. */
  findPlace(blake3: Blake3): Promise<Place | undefined>
  /** Which of these blobs are stored. One query for many. */
  findStored(blake3s: readonly Blake3[]): Promise<ReadonlySet<Blake3>>

  /** Notes that distributions (or trees of theirs, by the wheel) were used. Called now and then with many, never once per read. */
  recordUse(uses: ReadonlyMap<Blake3, number>): Promise<void>

  stats(): Promise<CatalogStats>
  /** Decides what goes; changes nothing. */
  planPrune(budget: PruneBudget, now: number): Promise<PrunePlan>
  /**
   * Deletes the records of a plan, as far as they are as the plan found them (a distribution used since stays), and returns the blobs
   * that have a file of their own and no record any more. `release` is called while no other writer, here or in another process,
   * can commit, with those of them that nobody has added again meanwhile: it deletes the files.
   */
  executePrune(plan: PrunePlan, release: (blobs: readonly Blake3[]) => Promise<void>): Promise<PruneOutcome>
  /**
   * Calls `release` as above with those of `candidates` (files found in the blob store) that no record names.
   */
  releaseOrphans(
    candidates: readonly Blake3[],
    release: (blobs: readonly Blake3[]) => Promise<void>,
  ): Promise<readonly Blake3[]>

  close(): Promise<void>
}

/** What unpacking made, ready to be committed. */
export interface UnpackedTree {
  readonly tree: TreeRecord
  readonly record: RecordVerdict
  /** Digests of the tree's files, distinct, and of its manifest (the tree's id). */
  readonly blobs: readonly Blake3[]
  /** Packs and large blobs that were adopted as files, with their sizes in bytes, and small ones with their place in a pack. */
  readonly placed: readonly (readonly [blake3: Blake3, place: Place])[]
}

/** What may stay. With no field set nothing goes but what nothing refers to. */
export interface PruneBudget {
  /** Bytes on the disk that the store may have at most. */
  readonly maxBytes?: number | undefined
  /** Distributions that were not used for longer than this go, milliseconds. */
  readonly unusedForMs?: number | undefined
}

export interface PrunedDistribution {
  readonly blake3: Blake3
  readonly sha256: Sha256
  readonly size: number
  readonly sightings: readonly Sighting[]
  readonly usedAt: number
  readonly reason: 'unused' | 'size'
  /** Bytes on the disk that go with it, its tree's exclusive blobs included, given that those before it in the plan are gone. */
  readonly freedBytes: number
}

export interface PrunePlan {
  readonly distributions: readonly PrunedDistribution[]
  /** Trees, blobs and packs that go with them, or that nothing referred to anyway. */
  readonly trees: number
  readonly blobs: number
  readonly packs: number
  /** Bytes on the disk before, and those that the plan frees. */
  readonly storedBytes: number
  readonly freedBytes: number
}

/** What an execution really did; equals the plan where nothing changed in between. */
export interface PruneOutcome {
  readonly distributions: number
  readonly trees: number
  readonly blobs: number
  readonly packs: number
  readonly freedBytes: number
}

export interface CatalogStats {
  readonly pages: number
  readonly distributions: number
  readonly wheels: { readonly unpacked: number; readonly refused: number; readonly pending: number }
  readonly trees: number
  /** Distinct blobs, packs not counted. */
  readonly blobs: number
  readonly packs: number
  /** Sum over distributions and trees as if each were stored alone, bytes. */
  readonly logicalBytes: number
  /** Sum over distinct blobs, bytes. */
  readonly uniqueBytes: number
  /** Sum over the files in the blob store, bytes. */
  readonly storedBytes: number
  /** Bytes in packs that no blob needs. */
  readonly slackBytes: number
}
