import { Hono } from 'hono'
import { andThen, type AtHand } from '../storage/at-hand.ts'
import { isPortable } from '../storage/portable.ts'
import { LASTING, sendArchive } from './archives.ts'
import { sendContent } from './body.ts'
import type { Content } from './content.ts'
import { sendDiff } from './diff.ts'
import { findDirectory } from './directory.ts'
import type { Exchange, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { cacheControlOf, findTree } from './find-tree.ts'
import { redirectToDirectory, sendListing } from './listings.ts'
import type { Manifest, Repository } from './repository.ts'
import type { Answer, Shortcuts } from './shortcuts.ts'
import { parseTreeAddress, type TreeAddress } from './tree-address.ts'
import { treeFileSender } from './tree-files.ts'

type FileAddress = Extract<TreeAddress, { kind: 'file' }>

/** Trees by their own name; nothing here ever asks upstream. What is in memory is answered without a turn of the event loop. */
export function treeRoutes(repository: Repository, shortcuts: Shortcuts): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  const route = shortcuts.route((url) => answerOf(repository, parseTreeAddress(url)))
  for (const path of ['/trees/:id', '/trees/:id/', '/trees/:id/:path{.+}']) app.get(path, route)
  return app
}

function answerOf(repository: Repository, address: TreeAddress): Answer {
  switch (address.kind) {
    case 'file':
      return fileAnswer(repository, address)
    case 'diff':
      return (c) => sendDiff(c, repository, address)
    case 'archive':
      return (c) => answerArchive(c, repository, address)
    case 'manifest':
      return (c) =>
        andThen(findTree(repository, address), (manifest) =>
          sendManifest(c, manifest, { cacheControl: cacheControlOf(address.name) }),
        )
    case 'directory':
      break
  }
  return (c) =>
    andThen(findTree(repository, address), (manifest) =>
      sendListing(c, manifest, { ...address, cacheControl: cacheControlOf(address.name) }),
    )
}

function fileAnswer(repository: Repository, address: FileAddress): Answer {
  const send = treeFileSender(repository, address)
  return (c) => andThen(send(c), (response) => response ?? answerNoFile(repository, address))
}

async function answerNoFile(repository: Repository, address: FileAddress): Promise<Response> {
  const { text, path } = address
  const { tree } = await findTree(repository, address)
  if ((await findDirectory(tree, path)) !== undefined) return redirectToDirectory(path)
  throw notFound(`${JSON.stringify(path)} in the tree ${text}`)
}

async function answerArchive(
  c: Exchange,
  repository: Repository,
  address: Extract<TreeAddress, { kind: 'archive' }>,
): Promise<Response> {
  const { name, text, form } = address
  const { tree } = await findTree(repository, address)
  const archive = await repository.findTreeArchive(tree.id, form)
  if (archive === undefined) throw notFound(`wheel that has the tree ${text}`)
  // A tar is the same for ever; the others depend on the wheel and on the library.
  const cacheControl = form === 'tar' || name.algorithm !== 'blake3' ? cacheControlOf(name) : LASTING
  return sendArchive(c, archive, { form, cacheControl })
}

/** Exactly the manifest's bytes: their BLAKE3 is the tree's id, which `Content-Location` tells. */
export function sendManifest(
  c: Exchange,
  manifest: Manifest,
  options: { readonly cacheControl: string },
): AtHand<Response> {
  const { bytes, tree } = manifest
  const content: Content = {
    size: bytes.length,
    sha256: undefined,
    blake3: tree.id,
    bytes,
    open: () => Promise.reject(new Error('A manifest is sent from memory.')),
  }
  return andThen(isPortable(tree), (portable) => {
    const headers = { 'Content-Location': `/trees/blake3:${tree.id}`, 'X-Arbor-Portable': String(portable) }
    return sendContent(c, content, { contentType: 'application/json', cacheControl: options.cacheControl, headers })
  })
}
