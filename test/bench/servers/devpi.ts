import { join } from 'node:path'
import { findFreePort, runProgram, startChild } from './child.ts'
import { findPeers } from './peer-environment.ts'
import type { RunningServer, ServerKind } from './server.ts'

/** devpi-server with its default settings and one mirror. */
export const devpi: ServerKind = {
  name: 'devpi',
  slow: true,
  findObstacle: async () => (await findPeers()).obstacle,
  async start({ upstream, folder }): Promise<RunningServer> {
    const peers = await findPeers()
    if (peers.obstacle !== undefined) throw new Error(peers.obstacle)
    const program = (name: string): string => join(peers.programs, name)
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, PYTHONWARNINGS: 'ignore' }
    const store = ['--serverdir', join(folder, 'server')]
    // Without the mirror that it has by default, whose upstream is on the internet.
    const signal = AbortSignal.timeout(60_000)
    await runProgram(program('devpi-init'), [...store, '--no-root-pypi'], { cwd: folder, env, signal })
    const port = await findFreePort()
    const origin = `http://127.0.0.1:${port}`
    const address = ['--host', '127.0.0.1', '--port', String(port)]
    const child = await startChild(program('devpi-server'), [...store, ...address], {
      cwd: folder,
      env,
      ready: `${origin}/+api`,
    })
    try {
      await createMirror(origin, upstream)
    } catch (error) {
      await child[Symbol.asyncDispose]()
      throw error
    }
    return {
      name: 'devpi',
      slow: true,
      index: `${origin}/root/mirror/+simple/`,
      pid: child.pid,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    }
  },
}

async function createMirror(origin: string, upstream: string): Promise<void> {
  const login = await send(`${origin}/+login`, 'POST', { user: 'root', password: '' }, {})
  const { result } = login as { result: { password: string } }
  const token = Buffer.from(`root:${result.password}`).toString('base64')
  await send(`${origin}/root/mirror`, 'PUT', { type: 'mirror', mirror_url: upstream }, { 'X-Devpi-Auth': token })
}

async function send(
  url: string,
  method: string,
  body: object,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`devpi answered ${method} ${url} with ${response.status}: ${text.slice(0, 500)}`)
  return JSON.parse(text)
}
