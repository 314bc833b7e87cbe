import type {
  Administration,
  Forgettable,
  Forgotten,
  Job,
  JobKind,
  Refreshed,
  Usage,
  WarmRequest,
} from '../../routes/administration.ts'
import { RouteError } from '../../routes/errors.ts'
import { Jobs } from '../../server/jobs.ts'
import { openLog } from '../../server/log.ts'
import type { KeptPin, PruneBudget, TrafficQuery, TrafficSum } from '../../storage/catalog/catalog.ts'
import {
  type IndexName,
  parseFilename,
  parseIndexName,
  parseProjectName,
  type ProjectName,
} from '../../storage/names.ts'
import { formatPin, type Pin } from '../../storage/pin.ts'

const RESULTS: Readonly<Record<JobKind, object>> = {
  prune: { distributions: 1, trees: 1, blobs: 1, packs: 1, freedBytes: 1 },
  scrub: { files: 1, bytes: 1, damaged: 0, missing: 0, healed: 0, notHealed: 0, complete: false },
  warm: {
    files: 1,
    fetched: 1,
    fetchedBytes: 1,
    alreadyStored: 0,
    failed: 1,
    refused: 0,
    skipped: 0,
    failures: [{ entry: 'a==1', reason: 'gone' }],
    refusals: [],
    skips: [],
  },
}

const COUNTED = { hits: 3, misses: 1, bytesFromUpstream: 100, bytesServed: 400, bytesSaved: 300 } as const

/** Real jobs, which do nothing until they are told to end; and what else the routes were asked for. */
export class MemoryAdministration implements Administration {
  readonly jobs = new Jobs({ clock: () => 0, log: openLog('fatal') })
  readonly asked: unknown[] = []
  readonly #pins = new Map<string, KeptPin>()
  readonly #failure: () => Error | undefined

  /** @param failure Thrown by whatever is asked, while there is one. */
  constructor(failure: () => Error | undefined) {
    this.#failure = failure
  }

  listJobs(): readonly Job[] {
    this.#check()
    return this.jobs.list()
  }

  findJob(id: string): Job | undefined {
    this.#check()
    return this.jobs.find(id)
  }

  watchJob(id: string, options: { readonly signal: AbortSignal }): AsyncIterable<Job> | undefined {
    return this.jobs.watch(id, options)
  }

  cancelJob(id: string): Job | undefined {
    this.#check()
    return this.jobs.cancel(id)
  }

  startScrub(options: { readonly bytesPerSecond: number | undefined }): Job {
    this.#check()
    return this.jobs.findRunning('scrub') ?? this.#start('scrub', options)
  }

  startPrune(budget: PruneBudget): Job {
    const running = this.jobs.findRunning('prune')
    if (running === undefined) return this.#start('prune', budget)
    throw new RouteError('ERR_JOB_RUNNING', 'One runs already.', { extensions: { job: running.id } })
  }

  startWarm(request: WarmRequest): Job {
    if (request.text === 'bad') throw new RouteError('ERR_BAD_REQUEST', 'The list cannot be read.')
    return this.#start('warm', request)
  }

  async usage(): Promise<Usage> {
    this.#check()
    const [index, project] = [parseIndexName('main'), parseProjectName('a')]
    const usage = { index, project, distributions: 1, bytes: 100, usedAt: 0 }
    return {
      spools: [{ index, project, filename: parseFilename('a-1.0.tar.gz'), size: undefined, received: 10 }],
      traffic: [{ index, ...COUNTED }],
      projects: { largest: [usage], coldest: [usage] },
      runs: { scrub: { endedAt: 0, outcome: RESULTS.scrub } },
    }
  }

  async renderMetrics(): Promise<string> {
    this.#check()
    return '# HELP arbor_up Text.\n# TYPE arbor_up gauge\narbor_up 1\n'
  }

  async findTraffic(query: TrafficQuery): Promise<readonly TrafficSum[]> {
    this.#check()
    this.asked.push(query)
    return [{ day: query.since, ...COUNTED }]
  }

  async listPins(): Promise<readonly KeptPin[]> {
    this.#check()
    return [...this.#pins.values()]
  }

  async addPin(pin: Pin): Promise<void> {
    this.#check()
    this.#pins.set(formatPin(pin), { pin, at: 0 })
  }

  async removePin(pin: Pin): Promise<boolean> {
    this.#check()
    return this.#pins.delete(formatPin(pin))
  }

  /** Of a project called `absent` there is nothing, and one called `pinned` is. */
  async forget(what: Forgettable): Promise<Forgotten | undefined> {
    this.#check()
    this.asked.push(what)
    if (what.kind !== 'distribution' && what.project === 'absent') return undefined
    if (what.kind !== 'distribution' && what.project === 'pinned') {
      throw new RouteError('ERR_PINNED', 'Pinned by pinned.', { extensions: { pins: ['pinned'] } })
    }
    return { distributions: 1, trees: 1, blobs: 2, packs: 1, freedBytes: 100, pages: 1 }
  }

  async refresh(index: IndexName, project: ProjectName): Promise<readonly Refreshed[]> {
    this.#check()
    this.asked.push({ index, project })
    return [{ index, project, state: 'unchanged', files: 1, added: [], removed: [] }]
  }

  #start(kind: JobKind, asked: unknown): Job {
    this.#check()
    this.asked.push(asked)
    return this.jobs.start(kind, async ({ signal, report }) => {
      report({ files: 1, totalFiles: 2 })
      if (!signal.aborted) {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true })
        })
      }
      return { result: RESULTS[kind], isComplete: false }
    })
  }

  #check(): void {
    const failure = this.#failure()
    if (failure !== undefined) throw failure
  }
}
