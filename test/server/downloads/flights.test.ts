import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { get, openProxy, openUpstream, pageOf, statusOf, until } from '../../contract/protocol/proxy.ts'
import type { Quirks } from '../../support/upstream/quirks.ts'
import { makeWheel } from '../../support/zip-writer.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/data.bin': Buffer.alloc(50_000, 'data') }, method: 0 }
const wheel = makeWheel(demo)

/** Two indexes that list the same wheel, each with a file host of its own: the URLs of the wheel on either. */
async function openTwo(t: TestContext, quirks: Partial<Quirks>) {
  const [main, other] = await Promise.all([openUpstream(t, [demo]), openUpstream(t, [demo], quirks)])
  const arbor = await openProxy(t, { main, other })
  const pages = await Promise.all(['main', 'other'].map((name) => pageOf(arbor, `/${name}/simple/demo/`)))
  const [mainUrl = '', otherUrl = ''] = pages.map(({ files }) => String(files[0]?.url))
  return { arbor, main, other, mainUrl, otherUrl }
}

test('a file host that stalls in the middle holds up nobody who asks another index for the same bytes', async (t) => {
  const { arbor, main, mainUrl, otherUrl } = await openTwo(t, { hangAt: 20_000 })
  main.quirks.bytesPerSecond = 200_000
  const stalled = await get(arbor, otherUrl)
  const got = await get(arbor, mainUrl)
  const tree = await get(arbor, `/wheels/sha256:${/[0-9a-f]{64}/.exec(mainUrl)?.[0]}/tree`)
  assert.equal(tree.status, 200, 'nor who asks for them by digest')
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), wheel)
  await stalled.body?.cancel()
})

test('one that has no such file makes it a 404 for its own index only, also for who asks meanwhile', async (t) => {
  const { arbor, other, mainUrl, otherUrl } = await openTwo(t, { latencyMs: 300, fileStatus: 404 })
  const missing = statusOf(arbor, otherUrl)
  await until(async () => other.requests.some(({ path }) => path.endsWith('.whl')))
  assert.equal(await statusOf(arbor, mainUrl), 200)
  assert.equal(await missing, 404)
})

test('both may bring the same bytes at once: they are stored once, and were seen at both', async (t) => {
  const { arbor, mainUrl, otherUrl } = await openTwo(t, { bytesPerSecond: 1_000_000 })
  const bodies = await Promise.all([otherUrl, mainUrl].map(async (url) => (await get(arbor, url)).arrayBuffer()))
  for (const body of bodies) assert.deepEqual(Buffer.from(body), wheel)
  const sha256 = /[0-9a-f]{64}/.exec(mainUrl)?.[0]
  await until(async () => (await arbor.stats())['downloads']?.['running'] === 0)
  const { wheels } = (await (await get(arbor, `/lookup/sha256:${sha256}`)).json()) as {
    wheels: { seen: { index: string }[] }[]
  }
  assert.deepEqual(
    wheels.map(({ seen }) => seen.map(({ index }) => index).toSorted()),
    [['main', 'other']],
  )
  assert.equal((await arbor.stats())['store']?.['distributions'], 1)
})
