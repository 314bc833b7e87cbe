import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { TreePath } from '../storage/names.ts'
import { sendContent } from './body.ts'
import { type ContentReply, headersOf, StandingReply } from './content-headers.ts'
import { asksForAll } from './conditional.ts'
import { presentationOf } from './content-type.ts'
import type { Exchange } from './env.ts'
import { cacheControlOf, findTreeId } from './find-tree.ts'
import { acceptsGzip } from './negotiate.ts'
import type { Repository, ServedTreeFile } from './repository.ts'
import { type HeaderList, sendWhole } from './send.ts'
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
  let ready: ReadyFile | undefined
  // An alias may mean another tree next time, so nothing is kept for it.
  const isLasting = address.name.algorithm === 'blake3'
  const send = (c: Exchange, file: ServedTreeFile, gzip: boolean): AtHand<Response> => {
    if (last?.encoding !== file.encoding || last?.reply === undefined || !isLasting) {
      last = { encoding: file.encoding, reply: new StandingReply(replyOf(file, address)) }
    }
    const { content, findAgain } = file
    if (findAgain !== undefined && isLasting) {
      ready = { gzip, headers: headersOf(content, last.reply).whole, findAgain }
    }
    return sendContent(c, content, last.reply)
  }
  return (c) => {
    const gzip = acceptsGzip(c.env.incoming.headers['accept-encoding'])
    if (ready?.gzip === gzip && asksForAll(c.env.incoming)) {
      const body = ready.findAgain()
      if (body !== undefined) return sendWhole(c, 200, { headers: ready.headers, body })
    }
    return andThen(findTreeId(repository, address), (id) =>
      andThen(repository.findTreeFile(id, address.path, { gzip }), (file) => file && send(c, file, gzip)),
    )
  }
}

/**
 * What it takes to send the file again as it was sent last, past the manifest and its paths. Where thousands of files are asked for in turn, each
 * object on the way to the bytes is a cache miss: by way of the manifest a request took a seventh longer.
 */
interface ReadyFile {
  /** Whether that client accepted gzip. */
  readonly gzip: boolean
  readonly headers: HeaderList
  readonly findAgain: NonNullable<ServedTreeFile['findAgain']>
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
