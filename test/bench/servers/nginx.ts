import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort, startChild } from './child.ts'
import { renderNginxConfiguration } from './nginx-configuration.ts'
import { findProgram } from './program.ts'
import type { RunningServer, ServerKind } from './server.ts'

export interface RunningNginx extends RunningServer {
  /** Serves the files of `{folder}/static`. */
  readonly staticUrl: string
}

/** Two workers, a cache on the disk, sendfile, one upstream fetch at a time for a URL. */
export const nginx: ServerKind & { start: (...args: Parameters<ServerKind['start']>) => Promise<RunningNginx> } = {
  name: 'nginx',
  slow: false,
  findObstacle: async () =>
    (await findProgram('nginx')) === undefined ? 'there is no nginx: apt-get install nginx' : undefined,
  async start({ upstream, folder }) {
    const port = await findFreePort()
    for (const name of ['cache', 'temp', 'static']) await mkdir(join(folder, name))
    const file = join(folder, 'nginx.conf')
    const configuration = renderNginxConfiguration({ folder, port, upstream: new URL(upstream) })
    await writeFile(file, configuration)
    const origin = `http://127.0.0.1:${port}`
    const command = (await findProgram('nginx')) ?? 'nginx'
    const log = join(folder, 'error.log')
    const child = await startChild(command, ['-p', folder, '-c', file, '-e', log], {
      cwd: folder,
      ready: `${origin}/static/`,
    })
    return {
      name: 'nginx',
      slow: false,
      index: `${origin}/simple/`,
      plainIndex: `${origin}/plain/simple/`,
      staticUrl: `${origin}/static/`,
      pid: child.pid,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    }
  },
}
