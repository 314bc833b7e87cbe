import { Hono } from 'hono'
import type { NodeEnv } from './env.ts'
import { escapeHtml } from './escape-html.ts'
import { NO_STORE, READ_HEADERS } from './headers.ts'
import { prefersHtml } from './negotiate.ts'
import { pipCommand, pipSettings } from './pip-command.ts'
import { DOCUMENT_POLICY, renderDocument } from './render-document.ts'
import { reply } from './reply.ts'

/** An index as the page of the server lists it. */
export interface OfferedIndex {
  readonly name: string
  readonly default: boolean
  /** The host of its upstream, or the names of the indexes that it joins. No URL: some hold a secret in their path. */
  readonly from: readonly string[]
}

/** What a person sees who opens the server in a browser, or asks it with curl. */
export function homeRoutes(indexes: readonly OfferedIndex[]): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/', (c) => {
    const guide = makeGuide(findBase(c.req.raw), indexes)
    const isBrowser = prefersHtml(c.req.header('Accept'))
    return reply(isBrowser ? renderHtml(guide) : `${JSON.stringify(guide, undefined, 2)}\n`, {
      ...READ_HEADERS,
      'Content-Type': isBrowser ? 'text/html; charset=utf-8' : 'application/json',
      'Cache-Control': NO_STORE,
      Vary: 'Accept',
      'Content-Security-Policy': DOCUMENT_POLICY,
    })
  })

  return app
}

/** The path under which a proxy serves us, and which it cuts off: `/arbor`. */
const PREFIX = /^(?:\/[\w.~-]+)+(?=\/?$)/

/** The base of our URLs as people write it: behind TLS, or below a path, only what stands before us can tell. */
function findBase({ url, headers }: Request): string {
  const { protocol, host } = new URL(url)
  const isEncrypted = protocol === 'https:' || headers.get('X-Forwarded-Proto') === 'https'
  return `${isEncrypted ? 'https' : 'http'}://${host}${PREFIX.exec(headers.get('X-Forwarded-Prefix') ?? '')?.[0] ?? ''}`
}

interface Guide {
  readonly name: string
  readonly about: string
  readonly index: string
  readonly try: readonly string[]
  /** How each installer is told once and for all. */
  readonly settings: Readonly<Record<string, string>>
  readonly indexes: readonly (OfferedIndex & { readonly url: string })[]
  readonly paths: Readonly<Record<string, string>>
}

function makeGuide(base: string, indexes: readonly OfferedIndex[]): Guide {
  const index = `${base}/simple/`
  return {
    name: 'Arbor',
    about:
      'A caching proxy for Python package indexes. It serves every wheel twice: as the original file, and as a verified tree, file by file, by hash.',
    index,
    try: [
      pipCommand(new URL(index), 'flask'),
      `uv pip install --default-index ${index} flask`,
      `curl ${base}/simple/flask/`,
      `curl ${base}/wheels/sha256:<hex>/tree`,
    ],
    settings: {
      pip: pipSettings(new URL(index)),
      uv: `export UV_DEFAULT_INDEX=${index}`,
      poetry: `poetry source add --priority=primary arbor ${index}`,
      pdm: `pdm config pypi.url ${index}`,
    },
    indexes: indexes.map((each) => ({ ...each, url: `${base}/${each.name}/simple/` })),
    paths: {
      '/simple/{project}/': 'the files of a project (PEP 503, PEP 691)',
      '/wheels/{digest}': 'a wheel, by sha256: or blake3:',
      '/wheels/{digest}/tree': 'the manifest of what is in it; with .tar, .tar.gz or .tar.zst at the end, all of it',
      '/trees/{id}': 'a manifest by its own hash (or dirhash:, or uv:); the whole tree likewise',
      '/trees/{id}/': 'a listing, to look around',
      '/trees/{id}/{path}': 'one file of a tree',
      '/trees/{id}/diff/{id}': 'what differs between two trees',
      '/trees/{id}/missing': 'POST what you have, get what you lack',
      '/blobs/{digest}': 'any stored bytes by their hash',
      '/lookup/{digest}': 'what is known by a hash',
      '/lookup/{index}/{project}': 'what is stored of a project',
      '/health': 'whether the server answers',
    },
  }
}

function renderHtml({ name, about, index, try: commands, settings, indexes, paths }: Guide): string {
  const settingLines = Object.entries(settings).map(([client, command]) => term(client, code(command)))
  const indexLines = indexes.map((each) => {
    const url = `<a href="./${escapeHtml(each.name)}/simple/">${escapeHtml(each.url)}</a>`
    return term(
      each.name,
      `${url}${each.default ? ' (the default)' : ''} from ${escapeHtml(each.from.join(', then '))}`,
    )
  })
  const pathLines = Object.entries(paths).map(([path, what]) => term(path, escapeHtml(what)))
  return renderDocument(
    name,
    `<h1>${escapeHtml(name)}</h1>
<p>${escapeHtml(about)}</p>
<p>The index is <a href="./simple/">${escapeHtml(index)}</a>. Try:</p>
<pre>${commands.map(escapeHtml).join('\n')}</pre>
<h2>Once and for all</h2>
<dl>${settingLines.join('\n')}</dl>
<h2>Indexes</h2>
<dl>${indexLines.join('\n')}</dl>
<h2>URLs</h2>
<dl>${pathLines.join('\n')}</dl>`,
  )
}

function term(name: string, html: string): string {
  return `<dt>${escapeHtml(name)}</dt><dd>${html}</dd>`
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`
}
