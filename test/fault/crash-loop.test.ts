import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { type Arbor, startArbor } from '../support/arbor.ts'
import { Random } from '../support/random.ts'
import { ask } from '../support/raw-http.ts'
import { countBytes, findFaults, findOldStaged, findStaged } from '../support/sound-store.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { type Target, Traffic } from './traffic.ts'
import { makeWares, startUpstreamOf, type Ware } from './wares.ts'

/** `ARBOR_LONG=1`: the full number of kills, which takes minutes. */
const isLong = process.env['ARBOR_LONG'] === '1'
const KILLS = isLong ? 220 : 8
/** When a short loop has to do with fewer, milliseconds: machines may be slow. */
const PATIENCE_MS = isLong ? Infinity : 25_000
const CLIENTS = 6
/** The longest life after the start, milliseconds. */
const LIFE_MS = 900
/** File systems keep times less exactly than clocks do, milliseconds. */
const CLOCK_STEP_MS = 20

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-crash-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** One life: traffic on a server that starts on what the one before left, until it is killed. Returns what must be stored then. */
class CrashLoop {
  answers = 0
  prunes = 0
  readonly #random: Random
  readonly #wares: readonly Ware[]
  readonly #upstream: Upstream
  readonly #data: string
  #stored: readonly string[] = []

  constructor(parts: {
    readonly random: Random
    readonly wares: readonly Ware[]
    readonly upstream: Upstream
    readonly data: string
  }) {
    this.#random = parts.random
    this.#wares = parts.wares
    this.#upstream = parts.upstream
    this.#data = parts.data
  }

  async live(): Promise<void> {
    if (this.#random.chance(0.15)) await this.#dieYoung()
    const startedAt = Date.now()
    await using arbor = await this.#start()
    assert.deepEqual(
      await findOldStaged(this.#data, startedAt - CLOCK_STEP_MS),
      [],
      'what is older than the start is swept',
    )
    await this.#assertStored(arbor)
    const target: Target = { url: arbor.url, isKilled: false }
    const choose = (): Target => target
    const traffic = new Traffic({ wares: this.#wares, random: this.#random, choose, choosePruned: choose })
    const stopping = new AbortController()
    const running = traffic.run(CLIENTS, stopping.signal)
    await delay(this.#random.below(LIFE_MS))
    target.isKilled = true
    arbor.kill()
    stopping.abort()
    await Promise.all([running, arbor.ended()])
    assert.equal(traffic.faults.length, 0, [...traffic.faults, ...troubleIn(arbor)].join('\n'))
    this.answers += traffic.answers
    this.prunes += traffic.prunes
    this.#stored = traffic.stored
    assert.deepEqual(await findFaults(this.#data), [])
  }

  /** It ends in good order, and starts once more; then a prune finds whatever the crashes left. */
  async end(): Promise<void> {
    {
      await using arbor = await this.#start()
      await this.#assertStored(arbor)
      const headers = { authorization: 'Bearer a-token-for-tests-only' }
      const { status } = await ask(arbor.url, '/admin/prune', { method: 'POST', headers, body: '{"dryRun": false}' })
      assert.equal(status, 200)
    }
    assert.deepEqual(await findStaged(this.#data), [])
    assert.deepEqual(await findFaults(this.#data, { isSwept: true }), [])
  }

  /** Killed while it starts. */
  async #dieYoung(): Promise<void> {
    const starting = this.#start({ killAfterMs: this.#random.below(600) })
    await starting.then((arbor) => arbor.ended()).catch(() => {}) // Either it was ready in time, or it was not.
  }

  #start({ killAfterMs }: { readonly killAfterMs?: number } = {}): Promise<Arbor> {
    return startArbor({ upstream: this.#upstream.url, data: this.#data, killAfterMs })
  }

  async #assertStored(arbor: Arbor): Promise<void> {
    for (const blake3 of this.#stored) {
      const { status, body } = await ask(arbor.url, `/wheels/blake3:${blake3}`)
      assert.equal(status, 200, `what was acknowledged is there: ${blake3}`)
      assert.equal(hashBlake3(body), blake3)
    }
  }
}

/** Lines of its log that are worse than a word of information. */
function troubleIn({ output }: Arbor): string[] {
  return output.split('\n').filter((line) => /^\{"level":"(warn|error|fatal)"/.test(line))
}

suite('kill -9 in a loop', { concurrency: true }, () => {
  test('nothing wrong is served, nothing that was acknowledged is lost, no debris outlives the next start', async (t) => {
    const seed = Number(process.env['ARBOR_SEED'] ?? randomInt(2 ** 31))
    t.diagnostic(`ARBOR_SEED=${seed}`)
    const wares = await makeWares()
    await using upstream = await startUpstreamOf(wares)
    const loop = new CrashLoop({ random: new Random(seed), wares, upstream, data: await makeFolder(t) })
    const startedAt = performance.now()
    let kills = 0
    for (; kills < KILLS && performance.now() - startedAt < PATIENCE_MS; kills += 1) {
      await loop.live().catch((cause: unknown) => {
        throw new Error(`after ${kills} kills, ARBOR_SEED=${seed}: ${String(cause)}`, { cause })
      })
    }
    await loop.end()
    t.diagnostic(`${kills} kills, ${loop.answers} right answers, ${loop.prunes} prunes`)
    assert.ok(loop.answers > kills, 'something was going on')
  })

  test('the start after a crash reads the store no more than a first start does', async (t) => {
    const [name, bytes] = ['heavy-1.0.tar.gz', randomBytes(64_000_000)]
    await using upstream = await startUpstream({ distributions: [await distributionOf(name, bytes)] })
    const data = await makeFolder(t)
    const readAtFirst = await readByStart(upstream, data, async (arbor) => {
      const { status } = await ask(arbor.url, `/files/main/${hashSha256(bytes)}/${name}`)
      assert.equal(status, 200)
      assert.equal((await ask(arbor.url, `/lookup/sha256:${hashSha256(bytes)}`)).status, 200)
    })
    assert.ok((await countBytes(data)) >= bytes.length)
    const journal = await stat(join(data, 'catalog.sqlite3-wal'))
    const readAfterwards = await readByStart(upstream, data, async () => {})
    const extra = readAfterwards - readAtFirst
    // Recovery reads the catalog's journal, more than once.
    assert.ok(extra < 4 * journal.size + 4_000_000, `${extra} bytes more than the first start`)
  })
})

/** Bytes that a server reads until it is ready; it is killed after `use`. */
async function readByStart(upstream: Upstream, data: string, use: (arbor: Arbor) => Promise<void>): Promise<number> {
  await using arbor = await startArbor({ upstream: upstream.url, data })
  const io = await readFile(`/proc/${arbor.pid}/io`, 'utf8')
  await use(arbor)
  arbor.kill()
  await arbor.ended()
  return Number(/^rchar: (\d+)$/m.exec(io)?.[1])
}
