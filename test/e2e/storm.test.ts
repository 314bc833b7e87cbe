import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { before, suite, test } from 'node:test'
import { type Arbor, startArbor } from '../support/arbor.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Distribution, distributionOf } from '../support/upstream/distribution.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'
import { download, type Got, isLong } from './storm-clients.ts'

const CLIENTS = 64
const MEGABYTES = isLong ? 200 : 20
/** The whole of it takes two seconds, be it long or not. */
const bytesPerSecond = MEGABYTES * 500_000
const filename = wheelFilename({ name: 'storm', version: '1.0' })

async function locate(arbor: Arbor): Promise<string> {
  const pageUrl = `${arbor.index}storm/`
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const page = (await (await fetch(pageUrl, { headers })).json()) as { files: [{ url: string }] }
  return new URL(page.files[0].url, pageUrl).href
}

function filesAsked(upstream: Upstream): Upstream['requests'] {
  return upstream.requests.filter(({ path }) => path.endsWith('.whl'))
}

const moment = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

suite(`a storm of ${CLIENTS} clients on a cold wheel of ${MEGABYTES} MB`, () => {
  let wheel: Distribution
  let bytes: Buffer

  before(async () => {
    const files = { 'storm/data.bin': randomBytes(MEGABYTES * 1_000_000) }
    bytes = makeWheel({ name: 'storm', version: '1.0', files, method: 0 })
    wheel = await distributionOf(filename, bytes)
  })

  const isWhole = ({ complete, status, sha256 }: Got): boolean => complete && status === 200 && sha256 === wheel.sha256

  async function assertFetchedOnce(upstream: Upstream, arbor: Arbor): Promise<void> {
    const asked = filesAsked(upstream)
    // A range that would have had to wait for seconds, which on a busy machine happens, may be asked for by itself.
    assert.equal(asked.filter(({ headers }) => headers.range === undefined).length, 1, 'one GET')
    const upstreamBytes = asked.reduce((sum, { bytesSent }) => sum + bytesSent, 0)
    assert.equal((upstreamBytes / wheel.size).toFixed(2), '1.00', 'upstream bytes ÷ wheel bytes')
    const tree = await fetch(`${arbor.url}/wheels/sha256:${wheel.sha256}/tree`)
    assert.equal(tree.status, 200)
    const { downloads } = (await arbor.stats()) as { downloads: unknown }
    assert.deepEqual(downloads, { running: 0, spools: [], resumed: 0, notKept: 0, failed: {} })
  }

  test('all at once: one upstream GET, and every body is right', async () => {
    await using upstream = await startUpstream({ distributions: [wheel], quirks: { bytesPerSecond } })
    await using arbor = await startArbor({ upstream: upstream.url })
    const url = await locate(arbor)
    const got = await Promise.all(Array.from({ length: CLIENTS }, () => download(url)))
    assert.equal(got.filter(isWhole).length, CLIENTS)
    await assertFetchedOnce(upstream, arbor)
  })

  test('arriving over the whole time and after it, leaving early, asking for ranges: the same', async () => {
    await using upstream = await startUpstream({ distributions: [wheel], quirks: { bytesPerSecond } })
    await using arbor = await startArbor({ upstream: upstream.url })
    const url = await locate(arbor)
    const whole: Promise<Got>[] = [download(url)]
    const leaving: Promise<Got>[] = []
    const ranges: { readonly first: number; readonly last: number; readonly got: Promise<Got> }[] = []
    const askRange = (first: number, last: number): void =>
      void ranges.push({ first, last, got: download(url, { range: `bytes=${first}-${last}` }) })
    for (let wave = 0; wave < CLIENTS / 4; wave += 1) {
      await moment(150)
      for (let each = 0; each < 4; each += 1) whole.push(download(url))
      leaving.push(download(url, { leaveAfter: (wheel.size * wave) / CLIENTS }))
      askRange(wave * 1000, wave * 2000)
      askRange(wheel.size - 16_384, wheel.size - 1)
      askRange(Math.floor(wheel.size / 2), Math.floor(wheel.size / 2) + wave)
    }
    for (const got of await Promise.all(whole)) assert.ok(isWhole(got))
    for (const { first, last, got } of ranges) {
      const { status, sha256 } = await got
      assert.equal(status, 206)
      assert.equal(sha256, hashOf(bytes.subarray(first, last + 1)))
    }
    await Promise.all(leaving)
    await assertFetchedOnce(upstream, arbor)
  })
})

function hashOf(part: Buffer): string {
  return createHash('sha256').update(part).digest('hex')
}
