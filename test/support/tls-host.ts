import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { repositoryFolder } from './paths.ts'

const folder = join(repositoryFolder, 'test/support/tls')

/** The certificate of the authority that vouches for {@link startTlsHost}: nobody else's, valid for a hundred years, its key thrown away. */
export const authorityFile = join(folder, 'authority.pem')

export interface TlsHost extends AsyncDisposable {
  /** `https://127.0.0.1:{port}`; its certificate is for that address, and not for the name of localhost. */
  readonly url: string
  /** How many connections were begun, also those that its certificate ended. */
  connections(): number
}

/** A host on loopback that speaks TLS. Asked by who could do HTTP/2, it would want that, and understand nothing. */
export async function startTlsHost(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TlsHost> {
  const [key, cert] = await Promise.all(['key.pem', 'certificate.pem'].map((name) => readFile(join(folder, name))))
  const server = createServer({ key, cert, ALPNProtocols: ['h2', 'http/1.1'] }, answer)
  let connections = 0
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
