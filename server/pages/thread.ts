import { formatPageContent } from '../../storage/catalog/page-content.ts'
import { PageError } from './errors.ts'
import type { PageJob, PageOutcome } from './page-pool.ts'
import { parsePage, parseProjectList } from './parse-page.ts'
import type { PageResponse } from './response.ts'

/** Reads one page in a worker thread; what comes back is {@link formatPageContent}'s. Never rejects, as all here. */
export function readPage({ response, project }: PageJob): PageOutcome {
  return outcomeOf(() => formatPageContent(parsePage(response, project)))
}

/** Reads a list of projects: a name to a line. */
export function readList(response: PageResponse): PageOutcome {
  return outcomeOf(() =>
    parseProjectList(response)
      .map((name) => `${name}\n`)
      .join(''),
  )
}

/** All that it takes to read a page is loaded by then. */
export function begin(): PageOutcome {
  return { kind: 'read', text: '' }
}

/** An error would lose its fields on the way to the other thread. */
function outcomeOf(read: () => string): PageOutcome {
  try {
    return { kind: 'read', text: read() }
  } catch (error) {
    if (!(error instanceof PageError)) throw error
    return { kind: 'error', message: error.message }
  }
}
