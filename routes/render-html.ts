import type { ListedFile, PageName } from '../storage/model.ts'
import { normalizeProjectName } from '../storage/names.ts'
import { LIST_VERSION, offeredFiles, versionOf } from './api-version.ts'
import { formatFragment } from './listed-hash.ts'
import type { PageSnapshot, ProjectListSnapshot } from './repository.ts'
import { formatFilePath } from './urls.ts'

const PER_PIECE = 200

/**
 * A project page as PEP 503 HTML, in pieces as in render-json.ts. PEP 833 froze this form, and programs read it by
 * its white space, so each byte is where PyPI has it (warehouse's test_pep833_simple_api_detail_html_frozen).
 */
export function* renderHtmlPage({ index, page }: PageSnapshot, toRoot: string): Generator<string> {
  const files = offeredFiles(page)
  yield* renderHead(versionOf({ ...page, files }), `Links for ${page.project}`, statusTags(page.projectStatus))
  yield `    <h1>Links for ${page.project}</h1>\n`
  const place = { index, project: page.project }
  yield* inPieces(files, (file) => renderAnchor(place, file, toRoot))
  yield '</body>\n</html>'
  const serial = page.extraMeta?.['_last-serial']
  if (Number.isSafeInteger(serial)) yield `\n<!--SERIAL ${String(serial)}-->`
}

/** The list of an index's projects, likewise. */
export function* renderHtmlList({ projects }: ProjectListSnapshot): Generator<string> {
  yield* renderHead(LIST_VERSION, 'Simple index', '')
  yield* inPieces(
    projects,
    (name) => `<a href="${escapeAsPypi(normalizeProjectName(name))}/">${escapeAsPypi(name)}</a>\n`,
  )
  yield '</body>\n</html>'
}

function* renderHead(version: string, title: string, tags: string): Generator<string> {
  yield `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="${version}">
${tags}    <title>${title}</title>
  </head>
  <body>
`
}

function statusTags(projectStatus: PageSnapshot['page']['projectStatus']): string {
  if (projectStatus === undefined) return ''
  const { status, reason } = projectStatus
  const tag = `<meta name="pypi:project-status" content="${escapeAsPypi(status)}">`
  return reason === undefined ? tag : `${tag}<meta name="pypi:project-status-reason" content="${escapeAsPypi(reason)}">`
}

/** PyPI's blank before a `>` that no metadata precedes is part of the frozen form. */
function renderAnchor(page: PageName, file: ListedFile, toRoot: string): string {
  const { requiresPython, yanked, coreMetadata, provenance } = file
  let attributes = ' '
  if (requiresPython !== undefined) attributes += `data-requires-python="${escapeAsPypi(requiresPython)}" `
  if (yanked !== undefined) attributes += `data-yanked="${yanked === true ? '' : escapeAsPypi(yanked)}" `
  if (coreMetadata !== undefined) {
    const sha256 = coreMetadata === true ? undefined : coreMetadata['sha256']
    const mark = sha256 === undefined ? 'true' : `sha256=${sha256}`
    attributes += `data-dist-info-metadata="${mark}" data-core-metadata="${mark}"`
  }
  if (provenance) attributes += `${coreMetadata === undefined ? '' : ' '}data-provenance="${escapeAsPypi(provenance)}"`
  const href = escapeAsPypi(toRoot + formatFilePath(page, file) + formatFragment(file.hashes))
  return `<a href="${href}"${attributes}>${escapeAsPypi(file.filename)}</a><br />\n`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/**
 * For text and for quoted attributes: byte for byte as PyPI writes it, unlike escape-html.ts. A line break is escaped too, so that an anchor stays on
 * its line.
 */
function escapeAsPypi(text: string): string {
  return text.replaceAll(/[&<>"'\p{Cc}]/gu, (character) => ESCAPES[character] ?? '\ufffd')
}

function* inPieces<Item>(items: readonly Item[], render: (item: Item) => string): Generator<string> {
  for (let start = 0; start < items.length; start += PER_PIECE) {
    yield items
      .slice(start, start + PER_PIECE)
      .map((item) => render(item))
      .join('')
  }
}
