import type { Blake3, Digest, Sha256 } from '../storage/digest.ts'
import type { ProjectPage, RecordVerdict, RefusalReason, Sighting, Tree } from '../storage/model.ts'
import type { Filename, IndexName, ProjectName, TreePath } from '../storage/names.ts'
import type { PruneBudget, PruneOutcome, PrunePlan } from '../storage/catalog/catalog.ts'
import type { ArchiveForm } from '../storage/tree-renditions.ts'
import type { Content } from './content.ts'
import type { LookupKey, TreeAlias } from './tree-name.ts'

export type { ArchiveForm } from '../storage/tree-renditions.ts'

export interface RequestOptions {
  /** The client went away, or the server shuts down. Work that others share goes on. */
  readonly signal: AbortSignal
}

export interface PageOptions extends RequestOptions {
  /** D5: the client said that it does not want what was confirmed some time ago (`no-cache`, `max-age=0`). */
  readonly insists: boolean
}

/** A file as our URLs name it: `/files/{index}/{sha256}/{filename}`; no SHA-256 where the index lists none. */
export interface FileReference {
  readonly index: IndexName
  readonly sha256: Sha256 | undefined
  readonly filename: Filename
}

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
  /** Of the file as it is. */
  readonly blake3: Blake3
  readonly executable: boolean
}

export interface WheelTreeOptions extends RequestOptions {
  /** Say that a tree is pending rather than wait until it is made. */
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
        readonly record: RecordVerdict
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

export interface RepositoryStats {
  /** Seconds since the start. */
  readonly uptime: number
  readonly requests: {
    readonly files: { readonly hits: number; readonly misses: number }
    readonly pages: { readonly hits: number; readonly misses: number; readonly stale: number }
  }
  readonly bytes: { readonly fromUpstream: number; readonly served: number }
  readonly downloads: {
    readonly running: number
    /** How often one was taken up again where its connection broke. */
    readonly resumed: number
    /** Served, but not kept, since there was no room. */
    readonly notKept: number
    /** Broken off, by the code of the error. */
    readonly failed: Readonly<Record<string, number>>
  }
  readonly store: {
    readonly pages: number
    readonly distributions: number
    readonly wheels: { readonly unpacked: number; readonly refused: number; readonly pending: number }
    readonly trees: number
    readonly blobs: number
    readonly packs: number
    readonly logicalBytes: number
    readonly uniqueBytes: number
    readonly storedBytes: number
    readonly slackBytes: number
    readonly freeBytes: number
  }
}

/**
 * What the routes need: one method per endpoint, in the words of the domain. Absence is `undefined`; trouble is an error
 * with a code (see server/problems.ts for what becomes of each).
 */
export interface Repository {
  /** The index at `/simple/`; the others are at `/{name}/simple/`. */
  readonly defaultIndex: IndexName
  hasIndex(index: IndexName): boolean

  /** GET /simple/ */
  listProjects(index: IndexName, options: RequestOptions): Promise<ProjectListSnapshot>
  /** GET /simple/{project}/. Not by promise where the page is at hand: each turn of the event loop is felt on this path. */
  findPage(
    index: IndexName,
    project: ProjectName,
    options: PageOptions,
  ): PageSnapshot | Promise<PageSnapshot | undefined> | undefined
  /**
   * GET and HEAD /files/{index}/{sha256}/{filename}. With `describe` nothing is downloaded for a size that the page already says:
   * the content is not going to be opened. With `part` only a range of it is asked for, which need not cause a download either.
   */
  findFile(
    reference: FileReference,
    options: RequestOptions & { readonly describe: boolean; readonly part?: boolean },
  ): Promise<Content | undefined>
  /** GET /files/{index}/{sha256}/{filename}.metadata (PEP 658) */
  findMetadata(reference: FileReference, options: RequestOptions): Promise<Content | undefined>

  /** GET /wheels/{digest} */
  findWheel(digest: Digest, options: RequestOptions): Promise<Content | undefined>
  /** GET /wheels/{digest}/tree: waits for a tree that is being made. Throws {@link ArchiveRefusedError} where there will be none. */
  findTreeOfWheel(digest: Digest, options: WheelTreeOptions): Promise<Manifest | Pending | undefined>
  /** GET /wheels/{digest}/tree.{form}: waits and throws likewise. */
  findTreeArchiveOfWheel(
    digest: Digest,
    form: ArchiveForm,
    options: WheelTreeOptions,
  ): Promise<Content | Pending | undefined>
  /** GET /trees/{id} */
  findManifest(id: Blake3, options: RequestOptions): Promise<Manifest | undefined>
  /** The ids of the trees that an alias means. */
  findTreeIds(alias: TreeAlias, options: RequestOptions): Promise<readonly Blake3[]>
  /** GET /trees/{id}.{form}: undefined also where it is made of a wheel, and none that has the tree is stored. */
  findTreeArchive(id: Blake3, form: ArchiveForm, options: RequestOptions): Promise<Content | undefined>
  /** GET /trees/{id}/{path}: with `gzip` in that coding, where it is at hand and shorter. */
  findTreeFile(
    id: Blake3,
    path: TreePath,
    options: RequestOptions & { readonly gzip: boolean },
  ): Promise<ServedTreeFile | undefined>
  /** POST /trees/{id}/missing: a tar of the blobs that are not in `have`. It has a size. */
  findMissing(id: Blake3, have: ReadonlySet<Blake3>, options: RequestOptions): Promise<Content | undefined>
  /** GET /blobs/{digest} */
  findBlob(digest: Digest, options: RequestOptions): Promise<Content | undefined>
  /** GET /lookup/{key}: by any wheel's sha256 or blake3, by a tree's id (or dirhash, as blake3), or by a tree's alias. */
  lookup(key: LookupKey, options: RequestOptions): Promise<readonly WheelRecord[]>
  /** GET /lookup/{index}/{project}: what is stored of it, oldest first. */
  lookUpProject(index: IndexName, project: ProjectName, options: RequestOptions): Promise<readonly WheelRecord[]>

  /** GET /admin/stats */
  stats(): Promise<RepositoryStats>
  /** POST /admin/prune */
  planPrune(budget: PruneBudget): Promise<PrunePlan>
  executePrune(plan: PrunePlan): Promise<PruneOutcome>
}
