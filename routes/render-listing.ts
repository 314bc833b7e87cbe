import { hashSha256 } from '../storage/digest.ts'
import type { Directory, NamedFile, Subdirectory } from './directory.ts'
import { escapeHtml } from './escape-html.ts'
import { renderList } from './render-list.ts'

/** What is listed: `path` is empty for the root, and `tree` the name by which the tree was asked for. */
export interface Listing {
  readonly tree: string
  readonly path: string
  readonly directory: Directory
  /** Of the whole tree: does every file system take its names? */
  readonly portable: boolean
}

/** For programs: names, sizes and digests; a name is that of the last component. */
export async function renderJsonListing({ tree, path, directory, portable }: Listing): Promise<string> {
  const directories = await renderList(directory.directories, ',', (each) => JSON.stringify(each))
  const files = await renderList(directory.files, ',', ({ name, file: { size, blake3, executable } }) =>
    JSON.stringify({ name, size, blake3: `blake3:${blake3}`, executable }),
  )
  return `${JSON.stringify({ tree, path, portable }).slice(0, -1)},"directories":[${directories}],"files":[${files}]}\n`
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
h1{font-size:1.2rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
td,th{padding:.15rem 1rem .15rem 0;text-align:left;font-weight:normal}th{border-bottom:1px solid #8888}
td:nth-child(2),th:nth-child(2){text-align:right;white-space:nowrap}td:first-child{overflow-wrap:anywhere}`

/** Allows nothing but the page's own style sheet, since strangers chose the names that it shows. */
export const LISTING_POLICY = `default-src 'none'; style-src 'sha256-${Buffer.from(hashSha256(Buffer.from(STYLE)), 'hex').toString('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** For people: with links that are relative, so that they are right behind any proxy. */
export async function renderHtmlListing({ tree, path, directory, portable }: Listing): Promise<string> {
  const components = path === '' ? [] : path.split('/')
  const root = './' + '../'.repeat(components.length)
  const crumbs = components.map((name, index) => link(`./${'../'.repeat(components.length - 1 - index)}`, name))
  const rows = [
    components.length === 0 ? '' : row(link('../', '..'), '', ''),
    await renderList(directory.directories, '\n', renderDirectory),
    await renderList(directory.files, '\n', renderFile),
  ].filter((text) => text !== '')
  const archives = ['tar.gz', 'tar.zst', 'tar'].map((form) => link(`${root}../${tree}.${form}`, form))
  const warning = portable ? '' : '\n<p>Some names in this tree are one, or none, on Windows or macOS.</p>'
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${escapeHtml(path === '' ? tree : `${path}/`)}</title><style>${STYLE}</style></head>
<body>
<h1>${[link(root, tree), ...crumbs].join(' / ')}</h1>
<p>The whole tree: ${archives.join(', ')}, ${link(`${root}../${tree}`, 'manifest')}.</p>${warning}
<table>
<tr><th>Name</th><th>Size</th><th></th></tr>
${rows.join('\n')}
</table>
</body>
</html>
`
}

function renderDirectory({ name, files, size }: Subdirectory): string {
  const count = `${files} ${files === 1 ? 'file' : 'files'}`
  return row(link(`./${encode(name)}/`, `${name}/`), formatSize(size), count)
}

function renderFile({ name, file: { size, executable } }: NamedFile): string {
  const download = `<a href="${escapeHtml(`./${encode(name)}`)}" download>download</a>`
  return row(link(`./${encode(name)}`, name), formatSize(size), executable ? `${download}, executable` : download)
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
}

function link(href: string, text: string): string {
  return `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`
}

/** One component of a path, colons included, so that no name can pass for a scheme. */
function encode(name: string): string {
  return encodeURIComponent(name)
}

const UNITS = ['KiB', 'MiB', 'GiB']

/** Three digits and a unit; the exact number shows on hovering. */
function formatSize(size: number): string {
  let value = size
  let unit = 'B'
  for (const larger of UNITS) {
    if (value < 1024) break
    value /= 1024
    unit = larger
  }
  const digits = unit === 'B' || value >= 100 ? 0 : 1
  return `<span title="${size} bytes">${value.toFixed(digits)} ${unit}</span>`
}
