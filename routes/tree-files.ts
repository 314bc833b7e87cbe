import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { TreePath } from '../storage/names.ts'
import { sendContent } from './body.ts'
import { type ContentReply, StandingReply } from './content-headers.ts'
import { presentationOf } from './content-type.ts'
import type { Exchange } from './env.ts'
import { cacheControlOf, findTreeId } from './find-tree.ts'
import { LazyTreeFileOptions } from './lazy-options.ts'
import type { Repository, ServedTreeFile } from './repository.ts'
import type { NamedTree } from './tree-address.ts'

/**
 * Sends one file of a tree whenever it is asked for, as gzip where the client takes that and it is shorter; undefined where there is no
 * such file.
 */
export function treeFileSender(
  repository: Repository,
  address: NamedTree & { readonly path: TreePath },
): (c: Exchange) => AtHand<Response | undefined> {
  let last: { readonly encoding: ServedTreeFile['encoding']; readonly reply: ContentReply } | undefined
  const send = (c: Exchange, file: ServedTreeFile): AtHand<Response> => {
    // What an alias means may be another tree next time.
    if (last?.encoding !== file.encoding || last?.reply === undefined || address.name.algorithm !== 'blake3') {
      last = { encoding: file.encoding, reply: new StandingReply(replyOf(file, address)) }
    }
    return sendContent(c, file.content, last.reply)
  }
  return (c) => {
    const options = new LazyTreeFileOptions(c)
    return andThen(findTreeId(repository, address, options), (id) =>
      andThen(repository.findTreeFile(id, address.path, options), (file) => file && send(c, file)),
    )
  }
}

function replyOf(file: ServedTreeFile, { name, path }: NamedTree & { readonly path: TreePath }): ContentReply {
  const { contentType, active } = presentationOf(path)
  return {
    contentType,
    cacheControl: cacheControlOf(name),
    headers: {
      ...COMMON,
      ...(active ? DOWNLOAD : {}),
      ...(file.encoding === undefined ? {} : { 'Content-Encoding': file.encoding }),
      'X-Arbor-Executable': String(file.executable),
      'X-Arbor-Blake3': file.blake3,
    },
  }
}

const COMMON = {
  // I3: whatever a wheel holds, it is a stranger's, and must not act as a page of this server.
  'Content-Security-Policy': "default-src 'none'; sandbox",
  Vary: 'Accept-Encoding',
} as const

const DOWNLOAD = { 'Content-Disposition': 'attachment' } as const
