import type {
  Catalog,
  KeptPin,
  ProjectUsage,
  PruneBudget,
  PruneOutcome,
  TrafficQuery,
  TrafficSum,
} from '../storage/catalog/catalog.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { Sighting } from '../storage/model.ts'
import type { Filename, IndexName, ProjectName } from '../storage/names.ts'
import type { Pin } from '../storage/pin.ts'

/** Work that takes longer than a client wants to wait. It goes on when whoever started it goes away. */
export interface Job {
  /** A random UUID, so that nobody can guess it. */
  readonly id: string
  readonly kind: JobKind
  readonly state: JobState
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Undefined while it runs. */
  readonly endedAt: number | undefined
  /** How far it is: numbers, whose names depend on the kind of job. */
  readonly progress: JobProgress
  /** What it did; for one that was cancelled, what it had done by then. Undefined while it runs, and where it has nothing to tell. */
  readonly result: object | undefined
  /** Why it failed, in the words of a problem (RFC 9457). */
  readonly error: { readonly code: string; readonly title: string; readonly detail: string } | undefined
}

export type JobKind = 'prune' | 'scrub' | 'warm'
export type JobState = 'running' | 'done' | 'failed' | 'cancelled'
export type JobProgress = Readonly<Record<string, number>>

/** What to forget: a project (its files and its page), the page alone, or one distribution. `index` undefined: of every index. */
export type Forgettable =
  | { readonly kind: 'project' | 'page'; readonly project: ProjectName; readonly index: IndexName | undefined }
  | { readonly kind: 'distribution'; readonly sha256: Sha256 }

export interface Forgotten extends PruneOutcome {
  readonly pages: number
}

/** What upstream's answer changed. */
export interface Refreshed {
  readonly index: IndexName
  readonly project: ProjectName
  /** `absent`: upstream has no such project, and had none. */
  readonly state: 'new' | 'changed' | 'unchanged' | 'gone' | 'absent'
  /** Files that the page lists now. */
  readonly files: number
  readonly added: readonly Filename[]
  readonly removed: readonly Filename[]
}

/** A lock file whose distributions are to be fetched. */
export interface WarmRequest {
  readonly index: IndexName
  readonly text: string
  /** Undefined: to be recognized by the text. */
  readonly format: WarmFormat | undefined
}

export const WARM_FORMATS = ['requirements', 'pylock', 'uv-lock', 'poetry-lock', 'pdm-lock'] as const
export type WarmFormat = (typeof WARM_FORMATS)[number]

/** What `GET /admin/stats` tells beside the stats of the repository. */
export interface Usage {
  /** Downloads that run. */
  readonly spools: readonly SpoolProgress[]
  /** Of the last seven days, by index. */
  readonly traffic: readonly TrafficSum[]
  readonly projects: { readonly largest: readonly ProjectUsage[]; readonly coldest: readonly ProjectUsage[] }
  readonly runs: Awaited<ReturnType<Catalog['findRuns']>>
}

/** A download that runs. */
export interface SpoolProgress extends Sighting {
  /** Bytes of the whole file; undefined while upstream does not say. */
  readonly size: number | undefined
  /** Bytes that came so far. */
  readonly received: number
}

/** What the admin routes need beside a repository's `stats`, `planPrune` and `executePrune`: one method per endpoint. Errors have codes likewise. */
export interface Administration {
  /** Those that run and those that ended lately, the newest first. */
  listJobs(): readonly Job[]
  findJob(id: string): Job | undefined
  /**
   * The job as it is now, and again after each change (a few times a second at most), until it has ended. While nothing changes, the same object
   * comes again now and then, so that a follower can show that the connection is alive. Undefined: there is no such job.
   */
  watchJob(id: string, options: { readonly signal: AbortSignal }): AsyncIterable<Job> | undefined
  /** Tells a job to end, which it does soon. One that has ended stays as it is. Undefined: there is no such job. */
  cancelJob(id: string): Job | undefined

  /** Starts a scrub, or returns the one that runs already. `bytesPerSecond` undefined: as configured. */
  startScrub(options: { readonly bytesPerSecond: number | undefined }): Job
  /** Throws `ERR_JOB_RUNNING` where a prune runs already, since that may have another budget. */
  startPrune(budget: PruneBudget): Job
  /** Throws `ERR_BAD_REQUEST` for a list that cannot be read. */
  startWarm(request: WarmRequest): Job

  /** Cheap: nothing of the store is walked. */
  usage(): Promise<Usage>
  /** What is counted, in Prometheus' text format. Cheap likewise. */
  renderMetrics(): Promise<string>
  /** Includes what was counted a moment ago. */
  findTraffic(query: TrafficQuery): Promise<readonly TrafficSum[]>

  listPins(): Promise<readonly KeptPin[]>
  addPin(pin: Pin): Promise<void>
  /** False: there was none. */
  removePin(pin: Pin): Promise<boolean>
  /** Undefined: there is nothing of it here. Throws `ERR_PINNED`, and does nothing, where any of it is pinned. */
  forget(what: Forgettable): Promise<Forgotten | undefined>
  /** Asks upstream for the page now, however fresh the known one is; for a virtual index, each index that it would ask. */
  refresh(index: IndexName, project: ProjectName): Promise<readonly Refreshed[]>
}
