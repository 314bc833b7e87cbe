import { Hono } from 'hono'
import { formatPin, parsePin, type Pin } from '../../storage/pin.ts'
import type { Administration } from '../administration.ts'
import type { NodeContext, NodeEnv } from '../env.ts'
import { notFound } from '../errors.ts'
import { parsePath } from '../path.ts'
import { replyNothing, replyPrivately } from './private-reply.ts'

/** What prune leaves alone. */
export function pinRoutes(admin: Administration): Hono<NodeEnv> {
  const app = new Hono<NodeEnv>()

  app.get('/admin/pins', async () => {
    const pins = await admin.listPins()
    return replyPrivately({
      pins: pins.map(({ pin, at }) => ({ pin: formatPin(pin), pinnedAt: new Date(at).toISOString() })),
    })
  })
  app.put('/admin/pins/:pin', async (c) => {
    await admin.addPin(pinIn(c))
    return replyNothing()
  })
  app.delete('/admin/pins/:pin', async (c) => {
    const pin = pinIn(c)
    if (!(await admin.removePin(pin))) throw notFound(`pin ${formatPin(pin)}`)
    return replyNothing()
  })

  return app
}

function pinIn(c: NodeContext): Pin {
  const [, , text = ''] = parsePath(c.req.raw.url)
  return parsePin(text)
}
