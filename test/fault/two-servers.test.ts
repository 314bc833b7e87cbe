import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Arbor, startArbor } from '../support/arbor.ts'
import { Random } from '../support/random.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { findFaults, findStaged } from '../support/sound-store.ts'
import type { Upstream } from '../support/upstream.ts'
import { type Target, Traffic } from './traffic.ts'
import { makeWares, startUpstreamOf, type Ware } from './wares.ts'

/** `ARBOR_LONG=1`: for some minutes. */
const KILLS = process.env['ARBOR_LONG'] === '1' ? 60 : 4
const CLIENTS = 6
/** Between two kills at most, milliseconds. */
const CALM_MS = 1000

interface Running {
  readonly arbor: Arbor
  readonly target: Target
}

/** Two servers on one data folder; whoever is killed is replaced. */
class Pair implements AsyncDisposable {
  readonly #upstream: Upstream
  readonly #data: string
  #running: readonly Running[] = []

  constructor(upstream: Upstream, data: string) {
    this.#upstream = upstream
    this.#data = data
  }

  async start(): Promise<void> {
    // At once, on a folder that neither has prepared.
    this.#running = await Promise.all([this.#startOne(), this.#startOne()])
  }

  target(which: number): Target {
    return this.#of(which).target
  }

  async replace(which: number): Promise<void> {
    const { arbor, target } = this.#of(which)
    target.isKilled = true
    arbor.kill()
    await arbor.ended()
    const next = await this.#startOne()
    this.#running = this.#running.with(which, next)
  }

  trouble(): string[] {
    return this.#running.flatMap(({ arbor }) =>
      arbor.output.split('\n').filter((line) => line.startsWith('{"level":"error')),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { arbor } of this.#running) await arbor[Symbol.asyncDispose]()
  }

  async #startOne(): Promise<Running> {
    const arbor = await startArbor({ upstream: this.#upstream.url, data: this.#data })
    return { arbor, target: { url: arbor.url, isKilled: false } }
  }

  #of(which: number): Running {
    const running = this.#running[which]
    if (running === undefined) throw new RangeError('there are two')
    return running
  }
}

async function openPair(
  t: TestContext,
): Promise<{ pair: Pair; wares: readonly Ware[]; data: string; upstream: Upstream }> {
  const wares = await makeWares()
  const upstream = await startUpstreamOf(wares)
  const data = await mkdtemp(join(tmpdir(), 'arbor-pair-'))
  const pair = new Pair(upstream, data)
  t.after(async () => {
    await pair[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
    await rm(data, { recursive: true })
  })
  await pair.start()
  return { pair, wares, data, upstream }
}

suite('two servers on one data folder', { concurrency: true }, () => {
  test('both serve, keep and prune the same wheels while one after the other is killed', async (t) => {
    const seed = Number(process.env['ARBOR_SEED'] ?? randomInt(2 ** 31))
    const random = new Random(seed)
    const { pair, wares, data } = await openPair(t)
    const traffic = new Traffic({
      wares,
      random,
      choose: () => pair.target(random.below(2)),
      choosePruned: () => pair.target(0),
    })
    const stopping = new AbortController()
    const running = traffic.run(CLIENTS, stopping.signal)
    for (let kill = 0; kill < KILLS; kill += 1) {
      await delay(random.below(CALM_MS))
      await pair.replace(random.below(2))
    }
    stopping.abort()
    await running
    assert.equal(traffic.faults.length, 0, [`ARBOR_SEED=${seed}`, ...traffic.faults, ...pair.trouble()].join('\n'))
    t.diagnostic(`${KILLS} kills, ${traffic.answers} right answers, ${traffic.prunes} prunes`)
    assert.ok(traffic.answers > 10 && traffic.prunes > 0)
    await prune(pair.target(1))
    await pair[Symbol.asyncDispose]()
    assert.deepEqual(await findFaults(data, { isSwept: true }), [])
    assert.deepEqual(await findStaged(data), [])
  })

  test('what one has in memory and the other pruned is fetched again, or not there, and never an error', async (t) => {
    const { pair, wares } = await openPair(t)
    const [one, other] = [pair.target(0), pair.target(1)]
    for (const ware of wares) {
      await getFile(one, ware)
      await askTree(one, ware)
    }
    // Known again, each of them in memory, but the large ones without a descriptor.
    for (const ware of wares) await get(one, `/files/main/${ware.sha256}/${ware.filename}`, 'HEAD')
    await prune(other)
    // Large ones: the file has gone. Small ones: it is served from memory, until the uses that are noted there are written down.
    for (const ware of wares) await getFile(one, ware)
    for (const ware of wares) await askTree(one, ware)
    await planPrune(one)
    for (const ware of wares) {
      await getFile(one, ware)
      // The first waits until it is committed.
      for (const target of [one, other]) {
        assert.equal((await askTree(target, ware)).status, ware.tree === undefined ? 404 : 200)
      }
    }
    assert.deepEqual(pair.trouble(), [])
  })
})

async function prune(target: Target): Promise<void> {
  await askToPrune(target, '{"dryRun": false, "unusedFor": "0ms"}')
}

async function planPrune(target: Target): Promise<void> {
  await askToPrune(target, '{"dryRun": true}')
}

async function askToPrune({ url }: Target, body: string): Promise<void> {
  const headers = { authorization: `Bearer ${Arbor.adminToken}` }
  const { status } = await ask(url, '/admin/prune', { method: 'POST', headers, body })
  assert.equal(status, 200)
}

async function getFile(target: Target, { sha256, filename, bytes }: Ware): Promise<void> {
  const got = await get(target, `/files/main/${sha256}/${filename}`)
  assert.equal(got.status, 200, got.body.subarray(0, 300).toString())
  assert.ok(got.complete && got.body.equals(bytes))
}

/** A tree with one of its files and its archive: right, or not there. */
async function askTree(target: Target, { sha256, tree }: Ware): Promise<Exchange> {
  const found = await get(target, `/wheels/sha256:${sha256}/tree`)
  assert.ok(found.status === 404 || found.body.equals(tree?.manifest ?? Buffer.alloc(0)), `${found.status}`)
  for (const [path, contents] of tree?.files ?? []) {
    const file = await get(target, `/trees/blake3:${tree?.id}/${path}`)
    assert.ok(file.status === 404 || file.body.equals(contents), `${path}: ${file.status}`)
  }
  for (const form of ['tar', 'tar.gz', 'tar.zst']) {
    const archive = await get(target, `/trees/blake3:${tree?.id}.${form}`)
    assert.ok([200, 400, 404, 503].includes(archive.status), `${form}: ${archive.status}`)
  }
  return found
}

function get({ url }: Target, path: string, method = 'GET'): Promise<Exchange> {
  return ask(url, path, { method })
}
