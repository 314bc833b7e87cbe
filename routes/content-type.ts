import type { TreePath } from '../storage/names.ts'

interface Presentation {
  readonly contentType: string
  /** A browser would run what it holds. */
  readonly active: boolean
}

const UNKNOWN: Presentation = { contentType: 'application/octet-stream', active: false }

const BY_EXTENSION = new Map<string, Presentation>([
  ...'c cc cfg cpp h hpp in ini md pxd py pyi pyx rst sh toml txt typed yaml yml'
    .split(' ')
    .map((extension) => [extension, { contentType: 'text/plain; charset=utf-8', active: false }] as const),
  ...Object.entries({
    css: 'text/css; charset=utf-8',
    csv: 'text/csv; charset=utf-8',
    gif: 'image/gif',
    ico: 'image/x-icon',
    jpeg: 'image/jpeg',
    jpg: 'image/jpeg',
    js: 'text/javascript; charset=utf-8',
    json: 'application/json',
    mjs: 'text/javascript; charset=utf-8',
    png: 'image/png',
    svgz: 'application/octet-stream',
    ttf: 'font/ttf',
    wasm: 'application/wasm',
    webp: 'image/webp',
    woff: 'font/woff',
    woff2: 'font/woff2',
    zip: 'application/zip',
  }).map(([extension, contentType]) => [extension, { contentType, active: false }] as const),
  ...Object.entries({
    htm: 'text/html',
    html: 'text/html',
    svg: 'image/svg+xml',
    xht: 'application/xhtml+xml',
    xhtml: 'application/xhtml+xml',
    xml: 'application/xml',
    xsl: 'application/xml',
    xslt: 'application/xml',
  }).map(([extension, contentType]) => [extension, { contentType, active: true }] as const),
])

/** How a file of a tree is labelled: by its extension, and without a guess where that says nothing. */
export function presentationOf(path: TreePath): Presentation {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return (dot === -1 ? undefined : BY_EXTENSION.get(name.slice(dot + 1).toLowerCase())) ?? UNKNOWN
}
