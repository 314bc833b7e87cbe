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
 * The database of what is stored and what refers to it. Each method is one transaction, durable when it resolves (pages, metadata
 * and use, which can be had again, may be lost in a power cut, but never torn). Callbacks that a method is given must not call the
 * catalog. After {@link close} every method throws {@link StoreClosedError}. Every implementation passes `test/contract/catalog.ts`.
 */
export interface Catalog {
  findPage(index: IndexName, project: ProjectName): Promise<StoredPage | undefined>
  /** `json`: the page as JSON, where somebody has it already: to write that of a large page takes a while. */
  savePage(page: StoredPage, options?: { readonly json?: string | undefined }): Promise<void>
  /** Upstream said "not modified": the page is fresh again. */
  confirmPage(index: IndexName, project: ProjectName, fetchedAt: number): Promise<void>
  /** Upstream has no such project (any more). */
  forgetPage(index: IndexName, project: ProjectName): Promise<void>

  findDistribution(digest: Digest): Promise<DistributionRecord | undefined>
  /** Stored distributions that were seen on an index under a project, oldest first. */
  findDistributionsOf(index: IndexName, project: ProjectName): Promise<readonly DistributionRecord[]>
  /**
   * Adds a distribution whose bytes the blob store has as a file (at the latest when `adopt` resolves), with where it was seen.
   * Idempotent; doing it again counts as a use, so that a prune planned before lets it stay.
   */
  addDistribution(distribution: Distribution, sighting: Sighting, options?: AdoptOptions): Promise<void>
  /** Notes one more place where a stored distribution is listed. Idempotent; nothing happens where it is not stored. */
  addSighting(sha256: Sha256, sighting: Sighting): Promise<void>

  /** The METADATA of a wheel, by the wheel's SHA-256, whether the wheel is stored or not. */
  findMetadata(wheel: Sha256): Promise<Uint8Array | undefined>
  /** Nothing (no bytes) means: it is known that the wheel has none. */
  saveMetadata(wheel: Sha256, content: Uint8Array): Promise<void>
  /** The SHA-256 of what is kept of these wheels, by wheel; `none` where it is known that there is none. One query for many. */
  findMetadataDigests(wheels: readonly Sha256[]): Promise<ReadonlyMap<Sha256, Sha256 | 'none'>>

  /**
   * Commits a tree with all that is new: packs, blobs, and the wheel's verdict. Idempotent.
   * Throws {@link StoreChangedError}, and changes nothing, if a blob of the tree is neither stored nor in `placed`, or if the wheel is
   * not stored: it was pruned meanwhile. Replaces an earlier refusal, or another tree of the wheel.
   */
  addTree(wheel: Blake3, unpacked: UnpackedTree, options?: AdoptOptions): Promise<void>
  /**
   * Keeps why a wheel has no tree. A tree stays, and so does a refusal by a newer policy.
   * Throws {@link StoreChangedError} if the wheel is not stored.
   */
  addRefusal(wheel: Blake3, refusal: Extract<Unpacking, { kind: 'refused' }>): Promise<void>
  findTree(id: Blake3): Promise<TreeRecord | undefined>
  /** By uv's hash of the directory; several trees may share one, since it does not cover executable bits. */
  findTreesByDirhash(dirhash: string): Promise<readonly TreeRecord[]>
  /** By uv's archive id (24 base-36 digits). */
  findTreesByArchiveId(archiveId: string): Promise<readonly TreeRecord[]>
  /** The wheels that unpack to this tree. */
  findWheelsOfTree(id: Blake3): Promise<readonly DistributionRecord[]>
  /** Stored distributions, seen under a wheel's name, without an outcome, or refused by an older policy than this, oldest first. */
  listUnpackable(policy: number): Promise<readonly Blake3[]>

  /** Where a blob is; undefined where it is not stored. */
  findPlace(blake3: Blake3): Promise<Place | undefined>
  /** Which of these blobs are stored. One query for many. */
  findStored(blake3s: readonly Blake3[]): Promise<ReadonlySet<Blake3>>

  /** Notes that distributions (or trees of theirs, by the wheel) were used. Called now and then with many, never once per read. */
  recordUse(uses: ReadonlyMap<Blake3, number>): Promise<void>

  stats(): Promise<CatalogStats>
  /** Decides what goes, least recently used first; changes nothing, and keeps nobody from writing. */
  planPrune(budget: PruneBudget, now: number): Promise<PrunePlan>
  /**
   * Deletes the records of a plan, as far as they are as the plan found them (a distribution used or added again since stays), and of
   * all that nothing needs any more. Then `release` is called, once or more, to delete the files of those blobs that no record names:
   * while it runs no other writer, here or in another process, can commit, and what was added again meanwhile is not among them.
   * A crash in between leaves files without records, never records without files.
   */
  executePrune(plan: PrunePlan, release: (blobs: readonly Blake3[]) => Promise<void>): Promise<PruneOutcome>
  /**
   * Calls `release` likewise with those of `candidates` (files found in the blob store) that no record gives a file of their own.
   * Returns them.
   */
  releaseOrphans(
    candidates: readonly Blake3[],
    release: (blobs: readonly Blake3[]) => Promise<void>,
  ): Promise<readonly Blake3[]>

  close(): Promise<void>
}

export interface AdoptOptions {
  /**
   * Puts the files into the blob store, within the transaction: no `release` of a prune or a sweep runs at the same time, here or in
   * another process. Without it, a file that is adopted just before a sweep and committed just after would be a record without
   * a file. If it rejects, nothing is added. Others cannot write while it runs, so do the slow work (hashing, fsync of content) before.
   */
  readonly adopt?: (() => Promise<void>) | undefined
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
  /** Distinct blobs, packs not counted (nor the rare blob that is the same bytes as a pack). */
  readonly blobs: number
  readonly packs: number
  /** Sum over distributions and trees as if each were stored alone, bytes. */
  readonly logicalBytes: number
  /** Sum over those blobs, bytes. */
  readonly uniqueBytes: number
  /** Sum over the files in the blob store, bytes. */
  readonly storedBytes: number
  /** Bytes in packs that are no blob's any more. */
  readonly slackBytes: number
}
