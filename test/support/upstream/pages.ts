import { createHash } from 'node:crypto'
import type { Distribution } from './distribution.ts'
import type { Quirks } from './quirks.ts'

export const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
export const HTML_TYPE = 'text/html'

/** Where a page's links lead. */
export interface Origins {
  readonly index: string
  readonly files: string
}

/** PyPI's shape, its odd `data-dist-info-metadata` key and its nulls included. */
export function renderJsonPage(project: string, files: readonly Distribution[], quirks: Quirks, at: Origins): string {
  return `${JSON.stringify({
    meta: { 'api-version': '1.4', '_last-serial': 1 },
    name: project,
    'project-status': { status: 'active' },
    versions: [...new Set(files.map((file) => file.version))],
    files: files.map((file) => {
      const metadata = metadataOf(file, quirks)
      return {
        filename: file.filename,
        url: hrefOf(file, quirks.links === 'base' ? 'absolute' : quirks.links, originOf(quirks, at)),
        hashes: quirks.noHashes ? {} : { sha256: file.sha256 },
        'requires-python': file.requiresPython ?? null,
        size: file.size,
        'upload-time': file.uploadTime,
        yanked: file.yanked,
        'core-metadata': metadata,
        'data-dist-info-metadata': metadata,
        provenance: null,
      }
    }),
  })}\n`
}

/** PyPI's layout. */
export function renderHtmlPage(project: string, files: readonly Distribution[], quirks: Quirks, at: Origins): string {
  const origin = originOf(quirks, at)
  const anchors = files.map((file) => {
    const metadata = metadataOf(file, quirks)
    const mark = typeof metadata === 'object' ? `sha256=${metadata.sha256}` : 'true'
    const attributes = [
      `href="${hrefOf(file, quirks.links, origin)}${quirks.noHashes ? '' : `#sha256=${file.sha256}`}"`,
      ...(file.requiresPython === undefined ? [] : [`data-requires-python="${escape(file.requiresPython)}"`]),
      ...(file.yanked === false ? [] : [`data-yanked="${file.yanked === true ? '' : escape(file.yanked)}"`]),
      ...(metadata === false ? [] : [`data-dist-info-metadata="${mark}"`, `data-core-metadata="${mark}"`]),
    ]
    return `    <a ${attributes.join(' ')}>${escape(file.filename)}</a><br />`
  })
  const base = quirks.links === 'base' ? [`    <base href="${origin}/packages/">`] : []
  return renderHtml(`Links for ${project}`, base, anchors)
}

/** `GET /simple/`. */
export function renderProjectList(projects: readonly string[], type: string): string {
  if (type === JSON_TYPE) {
    return `${JSON.stringify({ meta: { 'api-version': '1.4' }, projects: projects.map((name) => ({ name })) })}\n`
  }
  const anchors = projects.map((name) => `    <a href="/simple/${name}/">${name}</a>`)
  return renderHtml('Simple index', [], anchors)
}

/** What `.metadata` answers; undefined: nothing. */
export function metadataBytesOf(file: Distribution, quirks: Quirks): Buffer | undefined {
  if (quirks.metadata === 'unlisted' || quirks.metadata === 'missing') return undefined
  const lies = quirks.metadata === 'mismatched' || quirks.metadata === 'false'
  return lies ? file.metadata && Buffer.from(`${file.metadata.toString()}\nA lie.\n`) : file.metadata
}

/** The page's `core-metadata`. */
function metadataOf(file: Distribution, quirks: Quirks): false | true | { readonly sha256: string } {
  if (file.metadata === undefined || quirks.metadata === 'unlisted') return false
  if (quirks.noHashes) return true
  const promised = quirks.metadata === 'false' ? metadataBytesOf(file, quirks) : file.metadata
  return {
    sha256: createHash('sha256')
      .update(promised ?? '')
      .digest('hex'),
  }
}

function originOf(quirks: Quirks, at: Origins): string {
  return quirks.filesElsewhere ? at.files : at.index
}

function hrefOf(file: Distribution, links: Quirks['links'], origin: string): string {
  const name = encodeURIComponent(file.filename)
  return {
    absolute: `${origin}/packages/${name}`,
    relative: `../../packages/${name}`,
    'root-relative': `/packages/${name}`,
    base: name,
  }[links]
}

function renderHtml(title: string, head: readonly string[], body: readonly string[]): string {
  return [
    '<!DOCTYPE html>',
    '<html>',
    '  <head>',
    '    <meta name="pypi:repository-version" content="1.4">',
    ...head,
    `    <title>${title}</title>`,
    '  </head>',
    '  <body>',
    `    <h1>${title}</h1>`,
    ...body,
    '</body>',
    '</html>',
    '<!--SERIAL 1-->',
  ].join('\n')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
