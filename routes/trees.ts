import { Hono } from 'hono'
import { parseTreePath } from '../storage/tree-path.ts'
import { LASTING, sendArchive, splitArchiveName } from './archives.ts'
import { sendContent } from './body.ts'
import type { Content } from './content.ts'
import { sendDiff } from './diff.ts'
import { findDirectory } from './directory.ts'
import type { NodeContext, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { cacheControlOf, findTree } from './find-tree.ts'
import { parsePath } from './path.ts'
import type { Manifest, Repository } from './repository.ts'
import { redirectToDirectory, sendListing } from './listings.ts'
import { sendTreeFile } from './tree-files.ts'
import { isTreeName, parseTreeName } from './tree-name.ts'

/** Trees by their own name; nothing here ever asks upstream. */
export function treeRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/trees/:id', async (c) => {
    const [, segment = ''] = parsePath(c.req.raw.url)
    const { text, form } = splitArchiveName(segment)
    const name = parseTreeName(text)
    const { signal } = c.req.raw
    const manifest = await findTree(repository, { name, text }, { signal })
    if (form === undefined) return sendManifest(c, manifest, { cacheControl: cacheControlOf(name) })
    const archive = await repository.findTreeArchive(manifest.tree.id, form, { signal })
    if (archive === undefined) throw notFound(`wheel that has the tree ${text}`)
    // A tar is the same for ever; the others depend on the wheel and on the library.
    const cacheControl = form === 'tar' || name.algorithm !== 'blake3' ? cacheControlOf(name) : LASTING
    return sendArchive(c, archive, { form, cacheControl })
  })

  app.get('/trees/:id/', (c) => answerDirectory(c, repository))

  app.get('/trees/:id/:path{.+}', (c) => {
    const [, text = '', ...segments] = parsePath(c.req.raw.url)
    if (segments.at(-1) === '') return answerDirectory(c, repository)
    if (segments.length === 2 && segments[0] === 'diff' && isTreeName(segments[1] ?? '')) {
      return sendDiff(c, repository, { from: text, to: segments[1] ?? '' })
    }
    return answerFile(c, repository, segments.join('/'))
  })

  return app
}

async function answerDirectory(c: NodeContext, repository: Repository): Promise<Response> {
  const [, text = '', ...segments] = parsePath(c.req.raw.url)
  const name = parseTreeName(text)
  const path = segments.length === 1 ? '' : parseTreePath(segments.slice(0, -1).join('/'))
  const manifest = await findTree(repository, { name, text }, { signal: c.req.raw.signal })
  return sendListing(c, manifest, { text, path, cacheControl: cacheControlOf(name) })
}

async function answerFile(c: NodeContext, repository: Repository, joined: string): Promise<Response> {
  const [, text = ''] = parsePath(c.req.raw.url)
  const name = parseTreeName(text)
  const path = parseTreePath(joined)
  const response = await sendTreeFile(c, repository, { name, text, path })
  if (response !== undefined) return response
  const { tree } = await findTree(repository, { name, text }, { signal: c.req.raw.signal })
  if (findDirectory(tree, path) !== undefined) return redirectToDirectory(path)
  throw notFound(`${JSON.stringify(path)} in the tree ${text}`)
}

/** Exactly the manifest's bytes: their BLAKE3 is the tree's id, which `Content-Location` tells. */
export function sendManifest(
  c: NodeContext,
  manifest: Manifest,
  options: { readonly cacheControl: string },
): Promise<Response> {
  const { bytes, tree } = manifest
  const content: Content = {
    size: bytes.length,
    sha256: undefined,
    blake3: tree.id,
    bytes,
    open: () => Promise.reject(new Error('A manifest is sent from memory.')),
  }
  const headers = { 'Content-Location': `/trees/blake3:${tree.id}` }
  return sendContent(c, content, { contentType: 'application/json', cacheControl: options.cacheControl, headers })
}
