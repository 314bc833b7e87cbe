import type { AtHand } from '../storage/at-hand.ts'
import type { Blake3, Digest, Sha256 } from '../storage/digest.ts'
import type { ProjectPage, RecordVerdict, RefusalReason, Sighting, Tree } from '../storage/model.ts'
import type { Filename, IndexName, ProjectName, TreePath } from '../storage/names.ts'
import type { ExecuteOptions, PruneBudget, PruneOutcome, PrunePlan } from '../storage/catalog/catalog.ts'
import type { ArchiveForm } from '../storage/tree-renditions.ts'
import type { Administration } from './administration.ts'
import type { Content } from './content.ts'
import type { LookupKey, TreeAlias } from './tree-name.ts'

export type { ArchiveForm } from '../storage/tree-renditions.ts'

export interface PageOptions {
  /** D5: the client demands a page that upstream has just confirmed (`no-cache`, `max-age=0`). */
  readonly insists: boolean
}

export interface FileOptions {
  /** The content will not be opened (HEAD): its size may come from the index, without a download. */
  readonly headersOnly: boolean
  /** Only a range of it is asked for, which need not start a download either. */
  readonly part?: boolean
}

/** A file as our URLs name it: `/files/{index}/{sha256}/{filename}`; no SHA-256 where the index lists none. */
export interface FileReference {
  readonly index: IndexName
  readonly sha256: Sha256 | undefined
  readonly filename: Filename
  /** On whose page it is; undefined: as its name tells. */
  readonly project?: ProjectName
}

/** Is told of each response that has a body: how many bytes it is going to be, and where they come from. */
export type Meter = (bytes: number, origin: 'store' | 'upstream') => void

/** A project page at one moment. The same object is returned as long as nothing changed, so that it can key what is made of it. */
export interface PageSnapshot {
  readonly index: IndexName
  readonly page: ProjectPage
}

export interface ProjectListSnapshot {
  readonly index: IndexName
  /** Names as the index spells them. */
  readonly projects: readonly string[]
}

/** A manifest: its canonical bytes, and what they say. */
export interface Manifest {
  readonly tree: Tree
  readonly bytes: Uint8Array
}

/** One file of a tree: its bytes, and what belongs to the tree rather than to them. */
export interface ServedTreeFile {
  readonly content: Content
  /** The content coding of `content`; undefined: the file as it is. */
  readonly encoding: 'gzip' | undefined
  /** Of the file itself, whatever the coding of `content`. */
  readonly blake3: Blake3
  readonly executable: boolean
  /** The bytes of `content` for a later request, which counts as a use. Undefined: they left memory, and the file has to be found again. */
  readonly findAgain?: (() => Uint8Array | undefined) | undefined
}

export interface WheelTreeOptions {
  /** Answer `pending` instead of waiting until the wheel is downloaded and its tree is made. */
  readonly respondAsync: boolean
}

/** A tree that is being made. */
export type Pending = 'pending'

export interface WheelRecord {
  readonly sha256: Sha256
  readonly blake3: Blake3
  readonly size: number
  readonly seen: readonly Sighting[]
  readonly tree:
    | {
        readonly state: 'unpacked'
        readonly id: Blake3
        readonly dirhash: string
        readonly archiveId: string
        /** `pending`: another process is at it. */
        readonly record: RecordVerdict | 'pending'
        /** Does every file system take its names? */
        readonly portable: boolean
      }
    | {
        readonly state: 'refused'
        readonly reason: RefusalReason
        readonly detail: string
        readonly path: string | undefined
      }
    | { readonly state: 'pending' }
    /** An sdist, or another file that is no wheel. */
    | { readonly state: 'none' }
}

export interface UpstreamStats {
  /** `open`: it is in trouble, and not asked. `half-open`: the next request will tell whether it is well again. */
  readonly state: 'closed' | 'open' | 'half-open'
  /** Failed requests since the last success. */
  readonly failures: number
  /** ISO 8601; absent where it is closed. */
  readonly openUntil?: string
}

export interface RepositoryStats {
  /** Seconds since the start. */
  readonly uptime: number
  readonly requests: {
    readonly files: { readonly hits: number; readonly misses: number }
    readonly pages: { readonly hits: number; readonly misses: number; readonly stale: number }
  }
  /** Served: all that went out, headers included. Saved: bodies of files that came from the store, not from upstream. */
  readonly bytes: { readonly fromUpstream: number; readonly served: number; readonly saved: number }
  readonly downloads: {
    readonly running: number
    /** How often one was taken up again where its connection broke. */
    readonly resumed: number
    /** Served, but not kept, since there was no room. */
    readonly notKept: number
    /** Broken off, by the code of the error. */
    readonly failed: Readonly<Record<string, number>>
  }
  /** The hosts that were asked, by origin. */
  readonly upstreams: Readonly<Record<string, UpstreamStats>>
  readonly store: {
    readonly pages: number
    readonly distributions: number
    readonly wheels: { readonly unpacked: number; readonly refused: number; readonly pending: number }
    readonly trees: number
    readonly blobs: number
    readonly packs: number
    /** Of the blob store. */
    readonly files: number
    readonly logicalBytes: number
    readonly uniqueBytes: number
    readonly storedBytes: number
    readonly slackBytes: number
    readonly freeBytes: number
    /** Files that were found damaged or missing since the start. */
    readonly damaged: number
  }
}

/**
 * What the routes need: one method per endpoint, in the words of the domain. Absence is `undefined`; trouble is an error
 * with a code (see server/problems.ts for what becomes of each). What is asked for often comes without a promise where it is at hand.
 */
export interface Repository {
  /** The index at `/simple/`; the others are at `/{name}/simple/`. */
  readonly defaultIndex: IndexName
  hasIndex(index: IndexName): boolean

  /** GET /simple/ */
  listProjects(index: IndexName): Promise<ProjectListSnapshot>
  /** GET /simple/{project}/ */
  findPage(index: IndexName, project: ProjectName, options: PageOptions): AtHand<PageSnapshot | undefined>
  /** GET and HEAD /files/{index}/{sha256}/{filename} */
  findFile(reference: FileReference, options: FileOptions): AtHand<Content | undefined>
  /** Made once for a URL; what it returns is called for each response. */
  meterFile(reference: FileReference): Meter
  /** GET /files/{index}/{sha256}/{filename}.metadata (PEP 658) */
  findMetadata(reference: FileReference): AtHand<Content | undefined>

  /** GET and HEAD /wheels/{digest}: what is not stored comes from an index that lists its SHA-256, as at its own URL there. */
  findWheel(digest: Digest, options: FileOptions): Promise<Content | undefined>
  /** GET /wheels/{digest}/tree: fetches likewise, and waits for a tree that is being made. Throws {@link ArchiveRefusedError} where there will be none. */
  findTreeOfWheel(digest: Digest, options: WheelTreeOptions): Promise<Manifest | Pending | undefined>
  /** GET /wheels/{digest}/tree.{form}: waits and throws likewise. */
  findTreeArchiveOfWheel(
    digest: Digest,
    form: ArchiveForm,
    options: WheelTreeOptions,
  ): Promise<Content | Pending | undefined>
  /** GET /trees/{id} */
  findManifest(id: Blake3): AtHand<Manifest | undefined>
  /** The ids of the trees that an alias means. */
  findTreeIds(alias: TreeAlias): Promise<readonly Blake3[]>
  /** GET /trees/{id}.{form}: undefined also where that form is made from a wheel, and no wheel with this tree is stored. */
  findTreeArchive(id: Blake3, form: ArchiveForm): Promise<Content | undefined>
  /** GET /trees/{id}/{path}. `gzip`: the client accepts that coding, which is used where it is at hand and shorter. */
  findTreeFile(id: Blake3, path: TreePath, options: { readonly gzip: boolean }): AtHand<ServedTreeFile | undefined>
  /** POST /trees/{id}/missing: a tar of the blobs that are not in `have`. It has a size. */
  findMissing(id: Blake3, have: ReadonlySet<Blake3>): Promise<Content | undefined>
  /** GET and HEAD /blobs/{digest}; by SHA-256 as {@link findWheel}. */
  findBlob(digest: Digest, options: FileOptions): AtHand<Content | undefined>
  /** GET /lookup/{key}: by any wheel's sha256 or blake3, by a tree's id (or dirhash, as blake3), or by a tree's alias. Fetches as {@link findWheel}. */
  lookup(key: LookupKey, options: WheelTreeOptions): Promise<readonly WheelRecord[] | Pending>
  /** GET /lookup/{index}/{project}: what is stored of it, oldest first. */
  lookUpProject(index: IndexName, project: ProjectName): Promise<readonly WheelRecord[]>

  /** GET /admin/stats */
  stats(): Promise<RepositoryStats>
  /** POST /admin/prune */
  planPrune(budget: PruneBudget): Promise<PrunePlan>
  /** Aborted, it ends early, and what it did by then is done. */
  executePrune(plan: PrunePlan, options?: ExecuteOptions): Promise<PruneOutcome>
  /** The rest of /admin. */
  readonly admin: Administration
}
