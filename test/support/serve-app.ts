import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import type { NodeEnv } from '../../routes/env.ts'

export interface ServedApp extends AsyncDisposable {
  readonly server: Server
  readonly url: string
  readonly port: number
}

/** An app on node's own server, on a free port of the loopback device. */
export async function serveApp(app: Hono<NodeEnv>): Promise<ServedApp> {
  const fetch = app.fetch as Parameters<typeof createAdaptorServer>[0]['fetch']
  const server = createAdaptorServer({ fetch, createServer }) as Server
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
