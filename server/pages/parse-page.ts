import type { ListedFile, ProjectPage } from '../../storage/model.ts'
import { parseProjectName, type ProjectName, projectsOf } from '../../storage/names.ts'
import { LIST_LIMITS, PAGE_LIMITS, refuseCrowded } from './crowded.ts'
import { parseHtmlList, parseHtmlPage } from './parse-html.ts'
import { parseJsonList, parseJsonPage } from './parse-json.ts'
import { type PageResponse, readPageText } from './response.ts'

/**
 * Reads what any upstream calls a project page (rows H1 and H2): PEP 691 JSON or PEP 503 HTML, whatever
 * the label says. A file without a SHA-256 whose name is not the project's is left out: our URL of it would lead nowhere, and no
 * installer takes it. Takes about 10 µs a file, without a pause. Throws {@link PageError}, and nothing else, whatever the
 * bytes are.
 */
export function parsePage(response: PageResponse, project: ProjectName): ProjectPage {
  const read = readPageText(response)
  refuseCrowded(read, response.url, PAGE_LIMITS)
  const { kind, text } = read
  const page = kind === 'json' ? parseJsonPage(text, response.url, project) : parseHtmlPage(text, response.url, project)
  const isFindable = (file: ListedFile): boolean =>
    file.hashes['sha256'] !== undefined || projectsOf(file.filename).includes(project)
  return page.files.every(isFindable) ? page : { ...page, files: page.files.filter(isFindable) }
}

/**
 * Reads the list of an index's projects in either form: names as the index spells them, each once; what is no name is left out.
 * Throws {@link PageError}.
 */
export function parseProjectList(response: PageResponse): string[] {
  const read = readPageText(response)
  refuseCrowded(read, response.url, LIST_LIMITS)
  const { kind, text } = read
  const names = kind === 'json' ? parseJsonList(text, response.url) : parseHtmlList(text, response.url)
  return [...new Set(names)].filter((name) => isProjectName(name))
}

function isProjectName(name: string): name is ProjectName {
  try {
    parseProjectName(name)
    return true
  } catch {
    return false
  }
}
