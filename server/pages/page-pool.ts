import { parsePageContent } from '../../storage/catalog/page-content.ts'
import type { ProjectPage } from '../../storage/model.ts'
import type { ProjectName } from '../../storage/names.ts'
import { Pace } from '../../storage/pace.ts'
import { ThreadPool } from '../../storage/thread-pool.ts'
import { UpstreamError } from '../errors.ts'
import { parsePage, parseProjectList } from './parse-page.ts'
import type { PageResponse } from './response.ts'

/**
 * Pages above this are read in a worker thread, bytes: some 400 files, or 5 ms before the parser has warmed up. The largest pages would hold
 * up everybody for 20 to 60 ms.
 */
const MAX_INLINE_BYTES = 256 * 1024

/** The thread ends when nothing was asked of it for so long, milliseconds. */
const IDLE_TIMEOUT_MS = 60_000

export interface PageJob {
  readonly response: PageResponse
  readonly project: ProjectName
}

/** Text, since to read it here takes a third of what copying objects from thread to thread takes. */
export type PageOutcome =
  { readonly kind: 'read'; readonly text: string } | { readonly kind: 'error'; readonly message: string }

export interface ParsedPage {
  readonly page: ProjectPage
  /** The same as {@link formatPageContent} writes it, where it came so from the thread. */
  readonly json: string | undefined
}

/** Reads pages of any size without holding up the event loop. Its thread begins when a page needs one, and ends when none did for a while. Close it. */
export class PagePool {
  readonly #thread = new ThreadPool<PageJob | PageResponse | undefined, PageOutcome>({
    file: new URL('./thread.ts', import.meta.url),
    minThreads: 0,
    maxThreads: 1,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  })

  /** As {@link parsePage}; rejects with {@link UpstreamError}. */
  async parse(response: PageResponse, project: ProjectName): Promise<ParsedPage> {
    if (response.body.length <= MAX_INLINE_BYTES) return { page: parsePage(response, project), json: undefined }
    const json = await this.#run({ response: copyable(response), project }, 'readPage')
    return { page: await parsePageContent(json), json }
  }

  /** As {@link parseProjectList}; rejects with {@link UpstreamError}. */
  async parseList(response: PageResponse): Promise<string[]> {
    if (response.body.length <= MAX_INLINE_BYTES) return parseProjectList(response)
    const text = await this.#run(copyable(response), 'readList')
    const names: string[] = []
    const pace = new Pace()
    for (let start = 0; start < text.length;) {
      const end = text.indexOf('\n', start)
      names.push(text.slice(start, end))
      start = end + 1
      if (names.length % 1000 === 0 && pace.isDue) await pace.rest()
    }
    return names
  }

  /**
   * A page that needs the thread is on its way: it begins meanwhile, since that takes longer than to read the page. Returns at once.
   */
  expectLarge(): void {
    // Whoever waits for the page hears of what is wrong with the thread.
    this.#thread.run(undefined, { name: 'begin' }).catch(() => {})
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  async #run(job: PageJob | PageResponse, name: 'readPage' | 'readList'): Promise<string> {
    const outcome = await this.#thread.run(job, { name })
    if (outcome.kind === 'error') throw new UpstreamError('ERR_UPSTREAM_PAGE', outcome.message)
    return outcome.text
  }
}

function copyable({ body, contentType, url }: PageResponse): PageResponse {
  return { body, contentType, url }
}
