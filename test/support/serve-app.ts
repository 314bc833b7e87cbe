import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answering, createListener } from '../../server/listen.ts'

export interface ServedApp extends AsyncDisposable {
  readonly server: Server
  readonly url: string
  readonly port: number
}

/** An app on node's own server, on a free port of the loopback device. */
export async function serveApp(app: Answering): Promise<ServedApp> {
  const server = createServer(createListener(app, '127.0.0.1'))
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
