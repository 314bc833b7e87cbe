import { Hono } from 'hono'
import type { AtHand } from '../storage/at-hand.ts'
import { type Filename, parseFilename, parseIndexName, parseProjectName } from '../storage/names.ts'
import { findVersion, isSameVersion } from '../storage/versions.ts'
import type { Exchange, NodeContext, NodeEnv } from './env.ts'
import { notFound } from './errors.ts'
import { REVALIDATE } from './headers.ts'
import { parsePath } from './path.ts'
import { replyPending, waitingOptionsOf } from './pending.ts'
import type { Repository, WheelRecord } from './repository.ts'
import { sendText } from './send-text.ts'
import { parseLookupKey } from './tree-name.ts'

/**
 * What is known by a digest, or of a project's files that are stored. Upstream is asked only for a file that is not stored, but listed
 * with the SHA-256 in question.
 */
export function lookupRoutes(repository: Repository): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/lookup/:key', async (c) => {
    const [, text = ''] = parsePath(c.req.raw.url)
    const wheels = await repository.lookup(parseLookupKey(text), waitingOptionsOf(c))
    if (wheels === 'pending') return replyPending()
    return sendWheels(c, wheels, `wheel or tree ${text}`)
  })

  const answer = (c: NodeContext): Promise<Response> => answerProject(c, repository)
  app.get('/lookup/:index/:project', answer)
  app.get('/lookup/:index/:project/:version', answer)
  app.get('/lookup/:index/:project/:version/:filename', answer)

  return app
}

async function answerProject(c: NodeContext, repository: Repository): Promise<Response> {
  const [, first = '', second = '', version, last] = parsePath(c.req.raw.url)
  const index = parseIndexName(first)
  const project = parseProjectName(second)
  const filename = last === undefined ? undefined : parseFilename(last)
  if (!repository.hasIndex(index)) throw notFound(`index ${index}`)
  const stored = await repository.lookUpProject(index, project)
  const isMeant = (candidate: Filename): boolean =>
    (filename === undefined || candidate === filename) &&
    (version === undefined || isSameVersion(findVersion(candidate, project), version))
  const wheels = stored.filter(({ seen }) =>
    seen.some((place) => place.index === index && place.project === project && isMeant(place.filename)),
  )
  return sendWheels(c, wheels, `stored file of ${[project, version, filename].filter(Boolean).join(' ')}`)
}

function sendWheels(c: Exchange, wheels: readonly WheelRecord[], what: string): AtHand<Response> {
  if (wheels.length === 0) throw notFound(what)
  const text = `${JSON.stringify({ wheels: wheels.map(renderWheel) })}\n`
  return sendText(c, text, { contentType: 'application/json', cacheControl: REVALIDATE })
}

/** As in {@link WheelRecord}, with every digest as `algorithm:hex`; a dirhash is none, but uv's own hash of a directory. */
function renderWheel({ sha256, blake3, size, seen, tree }: WheelRecord): object {
  return {
    sha256: `sha256:${sha256}`,
    blake3: `blake3:${blake3}`,
    size,
    seen,
    tree: tree.state === 'unpacked' ? { ...tree, id: `blake3:${tree.id}` } : tree,
  }
}
