import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { type Blake3, parseDigest } from '../storage/digest.ts'
import { MalformedError } from '../storage/errors.ts'
import type { NodeEnv } from './env.ts'
import { notFound, type RouteError } from './errors.ts'
import { findTreeId } from './find-tree.ts'
import { NO_STORE, READ_HEADERS } from './headers.ts'
import { parsePath } from './path.ts'
import type { Repository } from './repository.ts'
import { badRequest, BodyReader } from './request-body.ts'
import { streamBody } from './stream-body.ts'
import { parseTreeName } from './tree-name.ts'

/** Some hundred thousand digests. */
const MAX_BODY_BYTES = 8 * 1024 * 1024
/** Of a list that a client has of a large wheel there are a hundred kilobytes. */
const MAX_BODIES_BYTES = 64 * 1024 * 1024
/**
 * What begins a list, an object, or the value of a key; not the colon of a digest. To parse a body that is full of them would hold up all others for
 * half a second and more.
 */
const OPENING = /[[{]|(?<=["\s]):/
/** A list of digests needs three. */
const MAX_OPENINGS = 16

/** The files of a tree that the client lacks, as a tar of blobs. */
export function missingRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()
  const bodies = new BodyReader({ maxBytes: MAX_BODY_BYTES, maxTogether: MAX_BODIES_BYTES })

  app.post('/trees/:id/missing', async (c) => {
    const [, text = ''] = parsePath(c.req.raw.url)
    const id = await findTreeId(repository, { name: parseTreeName(text), text })
    const content = await repository.findMissing(id, parseHave(await bodies.read(c.env.incoming)))
    if (content === undefined) throw notFound(`tree ${text}`)
    const chunks = await content.open(undefined, c.req.raw.signal)
    c.env.outgoing.writeHead(200, {
      ...READ_HEADERS,
      'Content-Type': 'application/x-tar',
      'Content-Length': String(content.size),
      'Cache-Control': NO_STORE,
    })
    await streamBody(c.env.outgoing, chunks, { length: content.size, flush: true })
    return RESPONSE_ALREADY_SENT
  })

  return app
}

/** `{"have": ["blake3:…", …]}`; digests that no tree has are no error. Throws a 400. */
function parseHave(text: string): ReadonlySet<Blake3> {
  if (text.split(OPENING, MAX_OPENINGS + 2).length > MAX_OPENINGS + 1) throw malformedBody('this has more in it')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw badRequest('The body is not JSON, sent as it is: without a Content-Encoding.', { cause })
  }
  const have = typeof value === 'object' && value !== null && 'have' in value ? value.have : undefined
  if (!Array.isArray(have)) throw malformedBody('this has no such list')
  return new Set(have.map(parseBlob))
}

function parseBlob(value: unknown): Blake3 {
  // Not converted by String(): [["blake3:…"]] would become a good digest, and a list nested deeply enough overflows the stack.
  if (typeof value !== 'string') throw malformedBody('each digest is a string')
  const digest = parseDigest(value)
  if (digest.algorithm !== 'blake3') throw new MalformedError('blob', value, 'it begins with blake3:')
  return digest.hex
}

function malformedBody(rule: string): RouteError {
  return badRequest(`The body is {"have": ["blake3:…", …]}: ${rule}.`)
}
