import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Arbor, startArbor } from '../support/arbor.ts'
import { connectRaw, type RawConnection } from '../support/raw-http.ts'
import { bigAsked, bigWheel, isBig, locate, openPlace, stagedIn, startReading } from './process-fixture.ts'

suite('SIGTERM', { concurrency: 3 }, () => {
  test('lets clients finish, refuses new ones, and keeps what was fetched', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data })
    const url = await locate(arbor, 'big')
    upstream.quirks.bytesPerSecond = 2_000_000
    const readings = [startReading(url), startReading(url)]
    await Promise.all(readings.map((reading) => reading.atLeast(500_000)))
    const stopped = arbor.stop()
    await readings[0]!.atLeast(1_000_000)
    assert.equal(await startReading(url).whole, undefined, 'a new client')
    for (const reading of readings) assert.ok(isBig(await reading.whole))
    await stopped
    assert.deepEqual(await stagedIn(data), [])
    await using again = await startArbor({ upstream: upstream.url, data, listen: arbor.listen })
    assert.ok(isBig(await startReading(url).whole), again.output)
    assert.equal(bigAsked(upstream).length, 1)
  })

  test('lets a download finish that nobody follows any more', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data })
    const url = await locate(arbor, 'big')
    upstream.quirks.bytesPerSecond = 3_000_000
    const reading = startReading(url)
    await reading.atLeast(300_000)
    reading.leave()
    await arbor.stop()
    assert.equal(bigAsked(upstream)[0]?.bytesSent, bigWheel.length)
    await using again = await startArbor({ upstream: upstream.url, data, listen: arbor.listen })
    assert.ok(isBig(await startReading(url).whole), again.output)
    assert.equal(bigAsked(upstream).length, 1)
  })

  test('does not wait for ever: after the grace time a download that hangs is ended, and leaves no debris', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data, env: await shortGrace(t) })
    const url = await locate(arbor, 'big')
    upstream.quirks.hangAt = 1_000_000
    const reading = startReading(url)
    await reading.atLeast(1_000_000)
    await assertEndsSoon(arbor)
    assert.equal(await reading.whole, undefined)
    assert.deepEqual(await stagedIn(data), [])
  })

  test('does not wait for ever for those who send nothing more, and take nothing', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data, env: await shortGrace(t) })
    const url = await locate(arbor, 'big')
    assert.ok(isBig(await startReading(url).whole))
    const token = `Authorization: Bearer ${Arbor.adminToken}\r\n`
    // More than the kernel takes for who reads none of it.
    const unread = await say(arbor, get(new URL(url).pathname).repeat(10))
    unread.socket.pause()
    await say(arbor, `POST /admin/prune HTTP/1.1\r\nHost: x\r\n${token}Content-Length: 9\r\n\r\n{`)
    await say(arbor, get('/health').slice(0, -4))
    await (await say(arbor, get('/health'))).waitFor('200 OK')
    upstream.quirks.hangAt = 10
    await say(arbor, get('/simple/small/'))
    await until(() => upstream.requests.at(-1)?.path === '/simple/small/')
    await assertEndsSoon(arbor)
  })

  test('does not wait for ever for a scrub that heals a file from an upstream that hangs', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data, env: await shortGrace(t) })
    assert.ok(isBig(await startReading(await locate(arbor, 'big')).whole))
    // The tree has the same bytes in a file of its own; what matters here is the wheel.
    const wheel = await until(async () => (await storedIn(data)).find(({ size }) => size === bigWheel.length))
    await rm(wheel.path)
    upstream.quirks.hangAt = 1_000_000
    const headers = { authorization: `Bearer ${Arbor.adminToken}` }
    assert.equal((await fetch(`${arbor.url}/admin/scrub`, { method: 'POST', headers, body: '{}' })).status, 202)
    await until(() => bigAsked(upstream)[1]?.bytesSent === 1_000_000)
    await assertEndsSoon(arbor)
    assert.deepEqual(await stagedIn(data), [])
  })

  test('leaves what does not end, and says what', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data, env: await shortGrace(t) })
    // Another process that was stopped in the middle of a transaction.
    using other = new DatabaseSync(join(data, 'catalog.sqlite3'))
    other.exec('BEGIN IMMEDIATE')
    await say(arbor, get('/simple/small/'))
    await until(() => upstream.requests.at(-1)?.state === 'complete')
    await assertEndsSoon(arbor)
    assert.match(arbor.output, /"at":"[a-z ]+".*"ended without waiting for what was going on/)
  })
})

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
}

async function shortGrace(t: TestContext): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-grace-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'arbor.toml'), 'shutdown-grace = "500ms"\n')
  return { ARBOR_CONFIG: join(folder, 'arbor.toml') }
}

/** After the grace time (half a second) and what may end then (four); the rest is for a busy machine. */
async function assertEndsSoon(arbor: Arbor): Promise<void> {
  const started = performance.now()
  await arbor.stop()
  const took = performance.now() - started
  assert.ok(took < 9000, `${Math.round(took)} ms`)
}

async function say(arbor: Arbor, text: string): Promise<RawConnection> {
  const client = await connectRaw(Number(new URL(arbor.url).port))
  client.socket.write(text)
  return client
}

async function storedIn(data: string): Promise<{ readonly path: string; readonly size: number }[]> {
  const found = await readdir(join(data, 'blobs'), { recursive: true, withFileTypes: true })
  const paths = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  return Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })))
}

/** Resolves with the first answer that is neither undefined nor false. */
async function until<Answer>(look: () => Answer): Promise<Exclude<Awaited<Answer>, false | undefined>> {
  for (;;) {
    const answer = await look()
    if (answer !== undefined && answer !== false) return answer as Exclude<Awaited<Answer>, false | undefined>
    await delay(10)
  }
}
