import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Catalog } from '../storage/catalog/catalog.ts'
import type { Clock } from '../storage/clock.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { ListedFile, ProjectPage } from '../storage/model.ts'
import type { ProjectName } from '../storage/names.ts'
import { SingleFlight } from '../storage/single-flight.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Log } from './log.ts'
import type { Target, Upstream } from './upstream.ts'

/** Requests that run at once for one page, and how many there are for it before it is asked for again. */
const AT_ONCE = 8
const MAX_REQUESTS = 500
/** The first client of a page waits no longer than this for what is found out, milliseconds. */
const PATIENCE_MS = 3000
/** How long a file, or a host, that told no time is not asked again, milliseconds. */
const UNTOLD_MS = 60 * 60_000
/** Statuses that concern one file. Any other (400, 403, 405 …) is of a host that takes no HEAD, or has enough of us: its other files are not asked about. */
const OF_ONE_FILE: ReadonlySet<number> = new Set([200, 206, 404, 410])
/** Older than any index: a server that has no better answer says 1970 or 1980. */
const EARLIEST = Date.UTC(2000, 0, 1)
/** How far in the future a time may be, since clocks differ; milliseconds. */
const AHEAD_MS = 24 * 60 * 60_000

export interface UploadTimesOptions {
  readonly upstream: Upstream
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log: Log
  /** Shutdown. */
  readonly signal: AbortSignal
}

/**
 * Upload times for files of which upstream's page has none, where the index is configured so: the `Last-Modified` that comes with the file.
 * Each is labelled, and stays what it was first, so that what an installer leaves out by it is the same tomorrow. Only for files whose
 * SHA-256 is listed: others may be overwritten in place, and would then seem older than they are (B10).
 */
export class UploadTimes {
  readonly #options: UploadTimesOptions
  readonly #asking = new SingleFlight<string, void>()
  readonly #untold = new LRUCache<string, true>({ max: 50_000, ttl: UNTOLD_MS })
  readonly #muteHosts = new LRUCache<string, true>({ max: 1000, ttl: UNTOLD_MS })

  constructor(options: UploadTimesOptions) {
    this.#options = options
  }

  /** The page with these times, as far as they can be had in a few seconds; the same object where there are none. */
  async complete(index: IndexSource, page: ProjectPage): Promise<ProjectPage> {
    const { catalog } = this.#options
    const lacking = page.files.filter((file) => isLacking(index, file))
    if (lacking.length === 0) return page
    const known = await catalog.findUploadTimes(index.name, page.project)
    const unknown = lacking.filter((file) => !known.has(sha256Of(file)) && this.#mayTell(file))
    if (unknown.length === 0 || index.mode === 'offline') return withTimes(page, known)
    const asking = this.#asking.run(`${index.name}/${page.project}`, () => this.#ask(index, page.project, unknown))
    await Promise.race([asking, delay(PATIENCE_MS, undefined, { ref: false })])
    return withTimes(page, await catalog.findUploadTimes(index.name, page.project))
  }

  /** {@link Target.onLastModified} for a file of this index: what comes along with a request that is made anyway. */
  listenTo(index: IndexSource, project: ProjectName, file: ListedFile): Target['onLastModified'] {
    if (!isLacking(index, file)) return undefined
    return (lastModified) => void this.#save({ index: index.name, project, file: sha256Of(file) }, lastModified)
  }

  /** Waits for what runs. */
  settle(): Promise<void> {
    return this.#asking.settle()
  }

  #mayTell({ url }: ListedFile): boolean {
    return !this.#untold.has(url) && !this.#muteHosts.has(new URL(url).host)
  }

  /** Asks for the headers of each, those listed last first, since the newest are mostly there. Never rejects. */
  async #ask(index: IndexSource, project: ProjectName, files: readonly ListedFile[]): Promise<void> {
    const { signal, log } = this.#options
    const waiting = files.slice(-MAX_REQUESTS)
    const askInTurn = async (): Promise<void> => {
      try {
        for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
          if (this.#mayTell(file)) await this.#askOne(index, project, file)
        }
      } catch (error) {
        // The host is in trouble: the others need not be tried.
        waiting.length = 0
        if (!signal.aborted) log.warn({ err: error, index: index.name }, 'upload times are not to be had')
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, askInTurn))
  }

  async #askOne(index: IndexSource, project: ProjectName, file: ListedFile): Promise<void> {
    const { upstream, signal, log } = this.#options
    let saving: Promise<void> | undefined
    const onLastModified = (lastModified: string): void => {
      saving = this.#save({ index: index.name, project, file: sha256Of(file) }, lastModified)
    }
    const status = await upstream.describeFile({ ...fileTarget(index, file.url), onLastModified }, signal)
    await saving
    // Also where it told a time: that is saved by now, or cannot be believed.
    this.#untold.set(file.url, true)
    if (saving === undefined) log.debug({ file: file.filename, status }, 'upstream does not say when it was modified')
    if (!OF_ONE_FILE.has(status)) this.#muteHosts.set(new URL(file.url).host, true)
  }

  /** Never rejects: nothing depends on it. */
  async #save(file: Parameters<Catalog['saveUploadTime']>[0], lastModified: string): Promise<void> {
    const { catalog, clock, log } = this.#options
    const at = Date.parse(lastModified)
    if (!(at >= EARLIEST && at <= clock() + AHEAD_MS)) return
    try {
      await catalog.saveUploadTime(file, at)
    } catch (error) {
      log.debug({ err: error, sha256: file.file }, 'no upload time kept')
    }
  }
}

function sha256Of({ hashes }: ListedFile): Sha256 {
  return hashes['sha256'] as Sha256
}

function isLacking(index: IndexSource, { uploadTime, hashes }: ListedFile): boolean {
  return index.uploadTimes === 'last-modified' && uploadTime === undefined && hashes['sha256'] !== undefined
}

function withTimes(page: ProjectPage, times: ReadonlyMap<Sha256, number>): ProjectPage {
  if (times.size === 0) return page
  return { ...page, files: page.files.map((file) => withTime(file, times.get(sha256Of(file)))) }
}

function withTime(file: ListedFile, at: number | undefined): ListedFile {
  if (at === undefined || file.uploadTime !== undefined) return file
  // PEP 700: no fraction of a second, or six digits of it.
  const uploadTime = `${new Date(at).toISOString().slice(0, 19)}Z`
  return { ...file, uploadTime, extra: { ...file.extra, '_upload-time-source': 'last-modified' } }
}
