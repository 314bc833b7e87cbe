import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { pinnedNode, repositoryFolder } from '../support/paths.ts'
import { ask } from '../support/raw-http.ts'
import { openSmallDisk } from '../support/small-disk.ts'
import { startUpstream } from '../support/upstream.ts'

/** Each page that is asked for is a line in the log, at once. */
const index = await startUpstream({ quirks: { pageStatus: 403 } })
const upstream = index.url
after(() => index[Symbol.asyncDispose]())
const skip = existsSync('/dev/full') ? false : 'there is no /dev/full'

test('a log that cannot be written keeps nobody from being served', { skip }, async () => {
  const by = ['sh', '-c', 'exec "$@" 2>/dev/full', 'sh']
  await using arbor = await startArbor({ upstream, by })
  for (const name of ['one', 'two', 'three']) assert.equal((await ask(arbor.url, `/simple/${name}/`)).status, 502)
})

test('a log on a disk that was full goes on once there is room', async (t) => {
  await using disk = await openSmallDisk(1 << 20)
  if (disk === undefined) return t.skip('no disk can be made here')
  const by = [...disk.through, 'sh', '-c', `exec "$@" 2>${disk.path}/log`, 'sh']
  await using arbor = await startArbor({ upstream, by })
  const noted = async (name: string): Promise<boolean> => {
    assert.equal((await ask(arbor.url, `/simple/${name}/`)).status, 502)
    return (await readFile(join(disk.seen, 'log'), 'utf8')).includes(`/simple/${name}/`)
  }
  assert.equal(await noted('before'), true)
  await disk.fill()
  // More than may wait.
  for (let count = 0; count < 400; count += 1) await ask(arbor.url, `/simple/${'x'.repeat(200)}${count}/`)
  assert.equal(await noted('meanwhile'), false)
  await disk.free()
  assert.equal(await noted('after'), true)
})

test('a banner that cannot be written keeps nobody from being served', { skip }, async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'arbor-banner-'))
  t.after(() => rm(data, { recursive: true }))
  const listen = `127.0.0.1:${await findFreePort()}`
  const env = { PATH: process.env['PATH'], ARBOR_LISTEN: listen, ARBOR_DATA: data, ARBOR_UPSTREAM: upstream }
  const command = ['-c', 'exec "$@" >/dev/full', 'sh', pinnedNode, 'server/start.mjs']
  const child = spawn('sh', command, { cwd: repositoryFolder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let log = ''
  for await (const chunk of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    log += chunk
    if (log.includes('"listening"')) break
  }
  child.stderr.resume()
  assert.equal((await ask(`http://${listen}`, '/simple/one/')).status, 502, log)
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
