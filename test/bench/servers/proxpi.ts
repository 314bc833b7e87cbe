import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort, startChild } from './child.ts'
import { findPeers } from './peer-environment.ts'
import type { RunningServer, ServerKind } from './server.ts'

/** proxpi as its container image runs it: gunicorn with two threads. */
export const proxpi: ServerKind = {
  name: 'proxpi',
  slow: true,
  findObstacle: async () => (await findPeers()).obstacle,
  async start({ upstream, folder }): Promise<RunningServer> {
    const peers = await findPeers()
    if (peers.obstacle !== undefined) throw new Error(peers.obstacle)
    const port = await findFreePort()
    const origin = `http://127.0.0.1:${port}`
    const cache = join(folder, 'cache')
    await mkdir(cache)
    const args = ['--preload', '--threads', '2', '--bind', `127.0.0.1:${port}`, 'proxpi.server:app']
    const child = await startChild(join(peers.programs, 'gunicorn'), args, {
      cwd: folder,
      env: { PROXPI_INDEX_URL: upstream, PROXPI_CACHE_DIR: cache, PROXPI_LOGGING_LEVEL: 'WARNING' },
      ready: `${origin}/health`,
    })
    return {
      name: 'proxpi',
      slow: true,
      index: `${origin}/index/`,
      pid: child.pid,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    }
  },
}
