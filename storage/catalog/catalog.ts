import type { Blake3, Digest, Sha256 } from '../digest.ts'
import type {
  Distribution,
  DistributionRecord,
  PageName,
  Place,
  RecordVerdict,
  Sighting,
  StoredPage,
  TreeRecord,
  UnhashedFile,
  Unpacking,
} from '../model.ts'
import type { IndexName, ProjectName } from '../names.ts'
import type { Pin } from '../pin.ts'
import type { Condemned } from './condemned.ts'
import type { RecordedFile } from './files.ts'
import type { ForgetMetadataOptions, KeptMetadata, SaveMetadataOptions } from './metadata.ts'
import type { KeptPin } from './pins.ts'
import type { ProjectUsage } from './projects.ts'
import type { ExecuteOptions, PruneBudget, PruneOutcome, PrunePlan } from './pruning.ts'
import type { Run, RunKind, ScrubPosition } from './runs.ts'
import type { StaleCounts } from './stale.ts'
import type { TrafficEntry, TrafficQuery, TrafficSum } from './traffic.ts'

export type {
  Condemned,
  KeptPin,
  PageName,
  Pin,
  ProjectUsage,
  RecordedFile,
  Run,
  RunKind,
  ScrubPosition,
  StaleCounts,
  TrafficEntry,
  TrafficQuery,
  TrafficSum,
}
export type {
  ExecuteOptions,
  PruneBudget,
  PrunedDistribution,
  PruneOutcome,
  PrunePlan,
  PruneSelection,
  PruneShortfall,
} from './pruning.ts'
export type { TrafficCounters } from './traffic.ts'
export type { UnhashedFile } from '../model.ts'

/**
 * The database of what is stored and what refers to it. Each method is one transaction, durable when it resolves (pages, metadata,
 * trees and use, which can be had again, may be lost in a power cut, but never torn). Callbacks that a method is given must not call the
 * catalog. After {@link close} every method throws {@link StoreClosedError}. Every implementation passes `test/contract/catalog.ts`.
 */
export interface Catalog {
  findPage(index: IndexName, project: ProjectName): Promise<StoredPage | undefined>
  /** `json`: the page as JSON, if the caller has it already: making it takes a while for a large page. */
  savePage(page: StoredPage, options?: { readonly json?: string | undefined }): Promise<void>
  /** Upstream said "not modified": the page is fresh again. */
  confirmPage(index: IndexName, project: ProjectName, fetchedAt: number): Promise<void>
  /** Upstream has no such project (any more): there is no page from now on, and that is remembered as one is. */
  saveAbsence(index: IndexName, project: ProjectName, foundAt: number): Promise<void>
  /** When {@link saveAbsence} was last told so; undefined: nothing is known, or there is a page. */
  findAbsence(index: IndexName, project: ProjectName): Promise<number | undefined>
  /** Drops a project's page, or that there is none. */
  forgetPage(index: IndexName, project: ProjectName): Promise<void>
  /** Whether any page of an index is kept that came from there, or maybe did. */
  hasPageFrom(source: string, index: IndexName): Promise<boolean>
  /** The pages that list a file with this SHA-256, whether it is stored or not. Done in steps, between which others get their turn. */
  findPagesListing(sha256: Sha256): Promise<readonly PageName[]>
  /**
   * Lets {@link findPagesListing} find pages that an older version of Arbor saved, too. Done in steps, between which others can write; the signal ends it
   * early.
   */
  completeListings(options: { readonly signal: AbortSignal }): Promise<void>

  findDistribution(digest: Digest): Promise<DistributionRecord | undefined>
  /** Which of these distributions are stored. One query for many. */
  findStoredDistributions(sha256s: readonly Sha256[]): Promise<ReadonlySet<Sha256>>
  /** Stored distributions that were seen on an index under a project, oldest first. */
  findDistributionsOf(index: IndexName, project: ProjectName): Promise<readonly DistributionRecord[]>
  /**
   * Adds a distribution whose bytes the blob store has as a file (at the latest when `adopt` resolves), with where it was seen.
   * Idempotent; doing it again counts as a use, so that a prune planned before lets it stay.
   */
  addDistribution(distribution: Distribution, sighting: Sighting, options?: AdoptOptions): Promise<void>
  /** Notes one more place where a stored distribution is listed. Idempotent; nothing happens where it is not stored. */
  addSighting(sha256: Sha256, sighting: Sighting): Promise<void>

  /**
   * The METADATA of a wheel, by the wheel's SHA-256, whether the wheel is stored or not: as this index claims it to be, else as read from the wheel.
   * What another index claims is never found, since it was not checked against the wheel's digest.
   */
  findMetadata(wheel: Sha256, index: IndexName): Promise<KeptMetadata | undefined>
  /** Empty `content`: the wheel is known to have none. What was read from the wheel replaces what any index claims. */
  saveMetadata(wheel: Sha256, content: Uint8Array, savedAt: number, options?: SaveMetadataOptions): Promise<void>
  /** Returns how many were dropped: several indexes may have claimed something of one wheel. */
  forgetMetadata(wheels: readonly Sha256[], options?: ForgetMetadataOptions): Promise<number>
  /** The SHA-256 of what {@link findMetadata} finds for these wheels, by wheel; `none` where it is known that there is none. One query for many. */
  findMetadataDigests(wheels: readonly Sha256[], index: IndexName): Promise<ReadonlyMap<Sha256, Sha256 | 'none'>>

  /** What is stored for the URL of a file whose index lists no SHA-256. */
  findUnhashed(index: IndexName, url: string): Promise<UnhashedFile | undefined>
  /** What {@link findUnhashed} finds for these URLs, by URL: only {@link UnhashedFile.listing}. One query for many. */
  findUnhashedListings(index: IndexName, urls: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Kept as long as the distribution is; nothing happens where that is not stored. */
  saveUnhashed(
    index: IndexName,
    url: string,
    file: Omit<UnhashedFile, 'distribution'> & { readonly sha256: Sha256 },
  ): Promise<void>

  /** When a project's files were uploaded, by their SHA-256, as far as that is kept; milliseconds since the epoch. */
  findUploadTimes(index: IndexName, project: ProjectName): Promise<ReadonlyMap<Sha256, number>>
  /** Kept as long as the project's page is, and lists the file; a later time does not replace it. Nothing happens where no page is kept. */
  saveUploadTime(
    file: { readonly index: IndexName; readonly project: ProjectName; readonly file: Sha256 },
    uploadedAt: number,
  ): Promise<void>

  /**
   * Commits a tree with all that is new: packs, blobs, and the wheel's verdict. Idempotent. Returns those of `placed` that are files: until
   * {@link noteSynced} is told that they are on the disk, {@link listUnsynced} has them.
   * Throws {@link StoreChangedError}, and changes nothing, if a blob of the tree is neither stored nor in `placed`, or if the wheel is
   * not stored: it was pruned meanwhile. Replaces an earlier refusal, or another tree of the wheel.
   */
  addTree(wheel: Blake3, unpacked: UnpackedTree, options?: AdoptOptions): Promise<readonly UnsyncedFile[]>
  /** Files of trees that a power cut may damage: none is known to be on the disk. Those of other processes are among them. */
  listUnsynced(): Promise<readonly UnsyncedFile[]>
  /** These were synced since they were noted. */
  noteSynced(files: readonly UnsyncedFile[]): Promise<void>
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
  /**
   * Stored distributions, seen under a wheel's name, without an outcome, or refused by an older policy than this, or by a limit that was
   * none of `limits`; oldest first.
   */
  listUnpackable(policy: number, limits?: string): Promise<readonly Blake3[]>
  /** Wheels that have a tree, but not RECORD's verdict yet; oldest first. */
  listUnchecked(): Promise<readonly Blake3[]>
  /** Keeps RECORD's verdict on a wheel; nothing happens where it has one already, or is not stored. A power cut may lose it. */
  addRecordVerdict(wheel: Blake3, verdict: RecordVerdict): Promise<void>

  /** Where a blob is; undefined where it is not stored. */
  findPlace(blake3: Blake3): Promise<Place | undefined>
  /** Where those of these blobs are that are stored. One query for many. */
  findPlaces(blake3s: readonly Blake3[]): Promise<ReadonlyMap<Blake3, Place>>
  /** Which of these blobs are stored. One query for many. */
  findStored(blake3s: readonly Blake3[]): Promise<ReadonlySet<Blake3>>

  /**
   * Notes that distributions or trees were used, by digest; a tree's use is one of each wheel that has it, and other digests mean nothing. Called
   * now and then with many, never once per read.
   */
  recordUse(uses: ReadonlyMap<Blake3, number>): Promise<void>

  /** Files that records name, some at a time, in a fixed order; `after` is the last cursor, 0 at first. */
  listFiles(after: number, limit: number): Promise<readonly RecordedFile[]>
  /**
   * Takes a file that is damaged or gone out of service: trees that need any of its bytes lose their records (their wheels count as
   * not unpacked again), and so do it and its slices. A distribution keeps its record: whoever asks for it finds no file, and fetches
   * it again. `quarantine` moves the file aside, within the transaction; if it rejects, nothing is changed. It is not called where no
   * record names the file (any more).
   */
  condemn(file: Blake3, quarantine: () => Promise<void>): Promise<Condemned>

  stats(): Promise<CatalogStats>
  /** The largest by bytes stored, or the coldest by last use; from running totals. */
  listProjects(order: 'largest' | 'coldest', limit: number): Promise<readonly ProjectUsage[]>
  /** Adds to the counters. Called now and then with many. Days that are older than 400 go. */
  recordTraffic(entries: readonly TrafficEntry[]): Promise<void>
  /** Sums: by day, the latest first, or by index or project, those first that were served most bytes. */
  findTraffic(query: TrafficQuery): Promise<readonly TrafficSum[]>
  /** Keeps how the last prune or scrub ended. */
  recordRun(kind: RunKind, run: Run): Promise<void>
  findRuns(): Promise<Partial<Record<RunKind, Run>>>
  /** How far the running scrub has come. Undefined: it has come to its end. */
  saveScrubPosition(position: ScrubPosition | undefined): Promise<void>
  findScrubPosition(): Promise<ScrubPosition | undefined>

  /** From now on prune leaves it alone. Idempotent; a pin keeps the time of its first. */
  addPin(pin: Pin, at: number): Promise<void>
  /** False: there was none. */
  removePin(pin: Pin): Promise<boolean>
  /** In the order of their notation. */
  listPins(): Promise<readonly KeptPin[]>
  /**
   * Decides what goes, least recently used first; changes nothing, and keeps nobody from writing.
   * `disk` is what {@link PruneBudget.keepFreeBytes} is held against; without it that limit counts as kept.
   */
  planPrune(budget: PruneBudget, now: number, disk?: { readonly freeBytes: number }): Promise<PrunePlan>
  /**
   * Deletes the records of a plan, as far as they are as the plan found them (a distribution used, added again or pinned since stays),
   * and of all that nothing needs any more. Then `release` is called, once or more, to delete the files of those blobs that no record names:
   * while it runs no other writer, here or in another process, can commit, and what was added again meanwhile is not among them.
   * A crash in between leaves files without records, never records without files.
   */
  executePrune(
    plan: PrunePlan,
    release: (blobs: readonly Blake3[]) => Promise<void>,
    options?: ExecuteOptions,
  ): Promise<PruneOutcome>
  /**
   * Calls `release` likewise with those of `candidates` (files found in the blob store) that no record gives a file of their own.
   * Returns them.
   */
  releaseOrphans(
    candidates: readonly Blake3[],
    release: (blobs: readonly Blake3[]) => Promise<void>,
  ): Promise<readonly Blake3[]>

  /**
   * Drops pages that upstream did not confirm since `before`, and metadata that was saved before it, of whose project or wheel nothing
   * is stored: what nobody asks for. Others can write in between. The signal ends it early: what was dropped by then is its outcome.
   */
  dropStale(before: number, options?: { readonly signal?: AbortSignal }): Promise<StaleCounts>

  close(): Promise<void>
}

export interface AdoptOptions {
  /**
   * Puts the files into the blob store, within the transaction: no `release` of a prune or a sweep runs at the same time, here or in
   * another process. Without it, a file that is adopted just before a sweep and committed just after would be a record without
   * a file. If it rejects, nothing is added. Others cannot write while it runs, so do the slow work (hashing, fsync of content) before, or after.
   */
  readonly adopt?: (() => Promise<void>) | undefined
}

/** A file that was named before it was synced. */
export interface UnsyncedFile {
  /** Of the note in the catalog: a file that is written again has another one. */
  readonly id: number
  readonly blake3: Blake3
}

/** What unpacking made, ready to be committed. */
export interface UnpackedTree {
  readonly tree: TreeRecord
  /** `pending`: it follows by {@link Catalog.addRecordVerdict}. */
  readonly record: RecordVerdict | 'pending'
  /** Digests of the tree's files, distinct, and of its manifest (the tree's id). */
  readonly blobs: readonly Blake3[]
  /** Packs and large blobs that were adopted as files, with their sizes in bytes, and small ones with their place in a pack. */
  readonly placed: readonly (readonly [blake3: Blake3, place: Place])[]
}

export interface CatalogStats {
  readonly pages: number
  readonly distributions: number
  readonly wheels: { readonly unpacked: number; readonly refused: number; readonly pending: number }
  readonly trees: number
  /** Distinct blobs, packs not counted (nor the rare blob that is the same bytes as a pack). */
  readonly blobs: number
  readonly packs: number
  /** Blobs with a file of their own, packs among them. */
  readonly files: number
  /** Sum over distributions and trees (files and manifest) as if each were stored alone, bytes. */
  readonly logicalBytes: number
  /** Sum over distinct blobs, bytes: each content once, with what nothing needs any more until it is pruned. */
  readonly uniqueBytes: number
  /** Sum over the files in the blob store, bytes. */
  readonly storedBytes: number
  /** Bytes in packs that are no blob's any more. */
  readonly slackBytes: number
}
