import { parsePage } from './parse-page.ts'
import { PageError } from './errors.ts'
import type { PageJob, PageOutcome } from './page-pool.ts'

/** Reads one page in a worker thread. Never rejects: an error would lose its fields on the way to the other thread. */
export function parseInThread({ response, project }: PageJob): PageOutcome {
  try {
    return { kind: 'page', json: JSON.stringify(parsePage(response, project)) }
  } catch (error) {
    if (!(error instanceof PageError)) throw error
    return { kind: 'error', message: error.message }
  }
}
