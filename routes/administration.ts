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
  /** Nobody guesses it. */
  readonly id: string
  readonly kind: JobKind
  readonly state: JobState
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Undefined while it runs. */
  readonly endedAt: number | undefined
  /** How far it is: numbers that its kind has names for. */
  readonly progress: JobProgress
  /** What it did; of one that was cancelled, as far as it got. */
  readonly result: object | undefined
  /** Why it failed, as a problem says it. */
  readonly error: { readonly code: string; readonly title: string; readonly detail: string } | undefined
}

export type JobKind = 'prune' | 'scrub' | 'warm'
export type JobState = 'running' | 'done' | 'failed' | 'cancelled'
export type JobProgress = Readonly<Record<string, number>>

/** What to forget: all that is stored of a project and its page, its page alone, or one distribution. No index: of all of them. */
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

/** A list of distributions to be fetched, as its file has it. */
export interface WarmRequest {
  readonly index: IndexName
  readonly text: string
  /** Undefined: what the text looks like. */
  readonly format: WarmFormat | undefined
}

export const WARM_FORMATS = ['requirements', 'pylock', 'uv-lock', 'poetry-lock', 'pdm-lock'] as const
export type WarmFormat = (typeof WARM_FORMATS)[number]

/** What the catalog counts and remembers beside the stats. */
export interface Usage {
  /** Downloads that run. */
  readonly spools: readonly SpoolProgress[]
  /** Of the last seven days, by index. */
  readonly traffic: readonly TrafficSum[]
  readonly projects: { readonly largest: readonly ProjectUsage[]; readonly coldest: readonly ProjectUsage[] }
  readonly runs: Awaited<ReturnType<Catalog['findRuns']>>
}

export interface SpoolProgress extends Sighting {
  /** Bytes; undefined while upstream does not say. */
  readonly size: number | undefined
  readonly received: number
}

/** What the admin routes need beside the stats and the prune of a repository: one method per endpoint. Errors are as those of a repository. */
export interface Administration {
  /** Those that run and the latest that ended, the newest first. */
  listJobs(): readonly Job[]
  findJob(id: string): Job | undefined
  /** The job now and at every change, some times a second at most; the last one is ended. The same again now and then, where nothing changes. */
  watchJob(id: string, options: { readonly signal: AbortSignal }): AsyncIterable<Job> | undefined
  /** Tells a job to end, which it does soon; nothing happens to one that has ended. */
  cancelJob(id: string): Job | undefined

  /** Where a scrub runs already, that one. Bytes per second; undefined: as configured. */
  startScrub(options: { readonly bytesPerSecond: number | undefined }): Job
  /** Throws `ERR_JOB_RUNNING` where one runs, since it may be within another budget. */
  startPrune(budget: PruneBudget): Job
  /** Throws `ERR_BAD_REQUEST` for a list that cannot be read. */
  startWarm(request: WarmRequest): Job

  /** Cheap: nothing of the store is walked. */
  usage(): Promise<Usage>
  /** All that was counted until now. */
  findTraffic(query: TrafficQuery): Promise<readonly TrafficSum[]>

  listPins(): Promise<readonly KeptPin[]>
  addPin(pin: Pin): Promise<void>
  /** False: there was none. */
  removePin(pin: Pin): Promise<boolean>
  /** Undefined: there is nothing of it here. Throws `ERR_PINNED`, and does nothing, where any of it is pinned. */
  forget(what: Forgettable): Promise<Forgotten | undefined>
  /** Asks upstream now, whatever is known; a virtual index, all that it would ask. */
  refresh(index: IndexName, project: ProjectName): Promise<readonly Refreshed[]>
}
