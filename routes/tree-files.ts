import type { TreePath } from '../storage/names.ts'
import { sendContent } from './body.ts'
import { presentationOf } from './content-type.ts'
import type { NodeContext } from './env.ts'
import { cacheControlOf, findTreeId } from './find-tree.ts'
import { acceptsGzip } from './negotiate.ts'
import type { Repository } from './repository.ts'
import type { TreeName } from './tree-name.ts'

/** Sends one file of a tree, as gzip where the client takes that and it is shorter; undefined where there is no such file. */
export async function sendTreeFile(
  c: NodeContext,
  repository: Repository,
  options: { readonly name: TreeName; readonly text: string; readonly path: TreePath },
): Promise<Response | undefined> {
  const { name, path } = options
  const { signal } = c.req.raw
  const id = name.algorithm === 'blake3' ? name.hex : await findTreeId(repository, options, { signal })
  const gzip = acceptsGzip(c.env.incoming.headers['accept-encoding'])
  const file = await repository.findTreeFile(id, path, { signal, gzip })
  if (file === undefined) return undefined
  const { contentType, active } = presentationOf(path)
  return sendContent(c, file.content, {
    contentType,
    cacheControl: cacheControlOf(name),
    headers: {
      ...COMMON,
      ...(active ? DOWNLOAD : {}),
      ...(file.encoding === undefined ? {} : { 'Content-Encoding': file.encoding }),
      'X-Arbor-Executable': String(file.executable),
      'X-Arbor-Blake3': file.blake3,
    },
  })
}

const COMMON = {
  // I3: whatever a wheel holds, it is a stranger's, and must not act as a page of this server.
  'Content-Security-Policy': "default-src 'none'; sandbox",
  Vary: 'Accept-Encoding',
} as const

const DOWNLOAD = { 'Content-Disposition': 'attachment' } as const
