import { Hono } from 'hono'
import type { NodeEnv } from './env.ts'
import { escapeHtml } from './escape-html.ts'
import { NO_STORE, READ_HEADERS } from './headers.ts'
import { prefersHtml } from './negotiate.ts'
import { pipCommand } from './pip-command.ts'
import { reply } from './reply.ts'

/** What a person sees who opens the server in a browser, or asks it with curl. */
export function homeRoutes(): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/', (c) => {
    const guide = makeGuide(findBase(c.req.raw))
    const isBrowser = prefersHtml(c.req.header('Accept'))
    return reply(isBrowser ? renderHtml(guide) : `${JSON.stringify(guide, undefined, 2)}\n`, {
      ...READ_HEADERS,
      'Content-Type': isBrowser ? 'text/html; charset=utf-8' : 'application/json',
      'Cache-Control': NO_STORE,
      Vary: 'Accept',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
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
  readonly paths: Readonly<Record<string, string>>
}

function makeGuide(base: string): Guide {
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

function renderHtml({ name, about, index, try: commands, paths }: Guide): string {
  const rows = Object.entries(paths).map(
    ([path, what]) => `<tr><td><code>${escapeHtml(path)}</code></td><td>${escapeHtml(what)}</td></tr>`,
  )
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(name)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}
pre{padding:1rem;border:1px solid #8888;border-radius:.4rem;overflow:auto}td{padding:.1rem 1rem .1rem 0}</style></head>
<body>
<h1>${escapeHtml(name)}</h1>
<p>${escapeHtml(about)}</p>
<p>The index is <a href="./simple/">${escapeHtml(index)}</a>. Try:</p>
<pre>${commands.map(escapeHtml).join('\n')}</pre>
<table>${rows.join('')}</table>
</body>
</html>
`
}
