import { Piscina } from 'piscina'
import type { ProjectPage } from '../../storage/model.ts'
import type { ProjectName } from '../../storage/names.ts'
import { UpstreamError } from '../errors.ts'
import { parsePage } from './parse-page.ts'
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

/** JSON, since to parse it here takes a third of what copying the page from thread to thread takes. */
export type PageOutcome =
  { readonly kind: 'page'; readonly json: string } | { readonly kind: 'error'; readonly message: string }

export interface ParsedPage {
  readonly page: ProjectPage
  /** The same as JSON, where it came so from the thread. */
  readonly json: string | undefined
}

/** Reads pages of any size without holding up the event loop. Its thread starts with the first page that needs one. Close it. */
export class PagePool {
  #pool: Piscina<PageJob, PageOutcome> | undefined

  /** As {@link parsePage}; rejects with {@link UpstreamError}. */
  async parse(response: PageResponse, project: ProjectName): Promise<ParsedPage> {
    if (response.body.length <= MAX_INLINE_BYTES) return { page: parsePage(response, project), json: undefined }
    this.#pool ??= new Piscina({
      filename: new URL('./thread.ts', import.meta.url).href,
      name: 'parseInThread',
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_TIMEOUT_MS,
      atomics: 'disabled',
      recordTiming: false,
    })
    const { body, contentType, url } = response
    const outcome = await this.#pool.run({ response: { body, contentType, url }, project })
    if (outcome.kind === 'error') throw new UpstreamError('ERR_UPSTREAM_PAGE', outcome.message)
    return { page: JSON.parse(outcome.json) as ProjectPage, json: outcome.json }
  }

  async close(): Promise<void> {
    await this.#pool?.destroy()
  }
}
