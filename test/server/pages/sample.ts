import { parsePage } from '../../../server/pages/parse-page.ts'
import type { ListedFile, ProjectPage } from '../../../storage/model.ts'
import { parseProjectName } from '../../../storage/names.ts'

export const A = 'a'.repeat(64)
export const B = 'b'.repeat(64)
export const PAGE_URL = 'https://index.example.org/simple/demo/'
export const DEMO = parseProjectName('demo')

export interface Upstream {
  readonly contentType?: string
  readonly url?: string
}

/** Parses a page as text, or as what becomes JSON. */
export function parse(body: string | object | Uint8Array, { contentType, url = PAGE_URL }: Upstream = {}): ProjectPage {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return parsePage({ body: bytes, contentType, url }, DEMO)
}

/** The one file of a JSON page that lists this one. */
export function parseOne(file: object): ListedFile {
  const page = parse({ meta: { 'api-version': '1.4' }, name: 'demo', files: [{ ...USABLE, ...file }] })
  const [first] = page.files
  if (first === undefined) throw new Error('the file was left out')
  return first
}

export const USABLE = {
  filename: 'demo-1.0-py3-none-any.whl',
  url: 'https://files.example.org/demo-1.0-py3-none-any.whl',
  hashes: { sha256: A },
}
