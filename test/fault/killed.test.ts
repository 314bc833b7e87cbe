import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Arbor, startArbor } from '../support/arbor.ts'
import type { Upstream } from '../support/upstream.ts'
import { NO_QUIRKS, type Quirks } from '../support/upstream/quirks.ts'
import { bigWheel, isBig, locate, openPlace, smallWheel, stagedIn, startReading } from './process-fixture.ts'

const HALF = 1_500_000

/** Starts another process on what the killed one left: what was stored is there, the debris is not, and the large wheel can be had. */
async function assertSound(upstream: Upstream, data: string, urls: { big: string; small: string }): Promise<void> {
  Object.assign(upstream.quirks, NO_QUIRKS)
  await upstream.stop()
  await using arbor = await startArbor({ upstream: upstream.url, data })
  assert.deepEqual(await stagedIn(data), [], 'what was being written is swept')
  const moved = (url: string): string => url.replace(/^http:\/\/[^/]+/, arbor.url)
  const kept = await startReading(moved(urls.small)).whole
  assert.ok(kept?.equals(smallWheel), 'what was stored is there, with the upstream gone')
  await upstream.start()
  assert.ok(isBig(await startReading(moved(urls.big)).whole))
  const sha256 = /\/([0-9a-f]{64})\//.exec(urls.big)?.[1]
  const tree = await fetch(`${arbor.url}/wheels/sha256:${sha256}/tree`)
  assert.equal(tree.status, 200)
  const { downloads } = (await arbor.stats()) as { downloads: { failed: object } }
  assert.deepEqual(downloads.failed, {})
}

async function storeSmall(arbor: Arbor): Promise<string> {
  const url = await locate(arbor, 'small')
  assert.ok((await startReading(url).whole)?.equals(smallWheel))
  // Answered once it is committed.
  assert.equal((await fetch(url.replace(/\/files\/[^/]+\/([0-9a-f]+)\/.*$/, '/wheels/sha256:$1/tree'))).status, 200)
  return url
}

const SLOW = 3_000_000
/** Never whole before the kill, however late that comes on a busy machine. */
const UNENDING = { hangAt: 2_900_000 } as const
const FAULTS: readonly (readonly [string, Partial<Quirks>])[] = [
  ['a slow upstream', UNENDING],
  ['a connection that drops half way', { dropConnectionAt: HALF }],
  ['the same without ranges', { dropConnectionAt: HALF, ranges: 'ignored' }],
  ['a response that ends early', { truncateAt: HALF }],
  ['a chunked response', { chunked: true, ...UNENDING }],
  ['an upstream that hangs', { hangAt: HALF }],
  ['a wrong byte', { wrongByteAt: 100_000, ...UNENDING }],
]

suite('kill -9', { concurrency: 4 }, () => {
  for (const [what, quirks] of FAULTS) {
    test(`in the middle of ${what}: nothing wrong is served afterwards, and no debris is left`, async (t) => {
      const { upstream, data } = await openPlace(t)
      await using arbor = await startArbor({ upstream: upstream.url, data })
      const small = await storeSmall(arbor)
      const big = await locate(arbor, 'big')
      Object.assign(upstream.quirks, { bytesPerSecond: SLOW, ...quirks })
      const reading = [startReading(big), startReading(big)]
      await Promise.all(reading.map((each) => each.atLeast(HALF - 200_000)))
      assert.equal((await stagedIn(data)).length, 1)
      arbor.kill()
      for (const each of reading) assert.equal(await each.whole, undefined, 'broken off')
      await assertSound(upstream, data, { small, big })
    })
  }

  test('the moment that a client has it all: it is either stored or fetched again', async (t) => {
    for (let round = 0; round < 3; round += 1) {
      const { upstream, data } = await openPlace(t)
      await using arbor = await startArbor({ upstream: upstream.url, data })
      const small = await storeSmall(arbor)
      const big = await locate(arbor, 'big')
      const reading = startReading(big)
      await reading.atLeast(bigWheel.length - round)
      arbor.kill()
      await reading.whole
      await assertSound(upstream, data, { small, big })
    }
  })
})
