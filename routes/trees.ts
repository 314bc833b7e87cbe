import { Hono } from 'hono'
import { parseDigest, type Blake3 } from '../storage/digest.ts'
import { MalformedError } from '../storage/errors.ts'
import { parseTreePath } from '../storage/tree-path.ts'
import { sendContent } from './body.ts'
import type { Content } from './content.ts'
import { presentationOf } from './content-type.ts'
import type { NodeContext, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { IMMUTABLE } from './headers.ts'
import { parsePath } from './path.ts'
import type { Manifest, Repository } from './repository.ts'

/** Trees by their own name; nothing here ever asks upstream. */
export function treeRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/trees/:id', async (c) => {
    const [, id = ''] = parsePath(c.req.raw.url)
    const manifest = await repository.findManifest(parseTreeId(id), { signal: c.req.raw.signal })
    if (manifest === undefined) throw notFound(`tree ${id}`)
    return sendManifest(c, manifest)
  })

  app.get('/trees/:id/:path{.+}', async (c) => {
    const [, id = '', ...segments] = parsePath(c.req.raw.url)
    const path = parseTreePath(segments.join('/'))
    const file = await repository.findTreeFile(parseTreeId(id), path, { signal: c.req.raw.signal })
    if (file === undefined) throw notFound(`${JSON.stringify(path)} in the tree ${id}`)
    const { contentType, active } = presentationOf(path)
    return sendContent(c, file.content, {
      contentType,
      cacheControl: IMMUTABLE,
      headers: { ...SANDBOX, ...(active ? DOWNLOAD : {}), 'X-Arbor-Executable': String(file.executable) },
    })
  })

  return app
}

/** I3: whatever a wheel holds, it is a stranger's, and must not act as a page of this server. */
const SANDBOX = { 'Content-Security-Policy': "default-src 'none'; sandbox" } as const

const DOWNLOAD = { 'Content-Disposition': 'attachment' } as const

/** Exactly the manifest's bytes: their BLAKE3 is the tree's id. */
export function sendManifest(
  c: NodeContext,
  manifest: Manifest,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const { bytes, tree } = manifest
  const content: Content = {
    size: bytes.length,
    sha256: undefined,
    blake3: tree.id,
    bytes,
    open: () => Promise.reject(new Error('A manifest is sent from memory.')),
  }
  return sendContent(c, content, { contentType: 'application/json', cacheControl: IMMUTABLE, headers })
}

/** `blake3:<64 hex>`. Throws {@link MalformedError}. */
function parseTreeId(text: string): Blake3 {
  const digest = parseDigest(text)
  if (digest.algorithm !== 'blake3') throw new MalformedError('tree id', text, 'it is a BLAKE3')
  return digest.hex
}
