import type { Directory, NamedFile, Subdirectory } from './directory.ts'
import { escapeHtml } from './escape-html.ts'
import { renderDocument } from './render-document.ts'
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
  const body = `<h1>${[link(root, tree), ...crumbs].join(' / ')}</h1>
<p>The whole tree: ${archives.join(', ')}, ${link(`${root}../${tree}`, 'manifest')}.</p>${warning}
<table>
<tr><th>Name</th><th class="size">Size</th><td></td></tr>
${rows.join('\n')}
</table>`
  return renderDocument(path === '' ? tree : `${path}/`, body)
}

function renderDirectory({ name, files, size }: Subdirectory): string {
  const count = `${files} ${files === 1 ? 'file' : 'files'}`
  return row(link(`./${encode(name)}/`, `${name}/`), formatSize(size), count)
}

function renderFile({ name, file: { size, executable } }: NamedFile): string {
  const download = `<a href="${escapeHtml(`./${encode(name)}`)}" download>download</a>`
  return row(link(`./${encode(name)}`, name), formatSize(size), executable ? `${download}, executable` : download)
}

function row(name: string, size: string, more: string): string {
  return `<tr><td>${name}</td><td class="size">${size}</td><td>${more}</td></tr>`
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
