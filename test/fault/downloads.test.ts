import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Config } from '../../server/config.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Distribution, distributionOf } from '../support/upstream/distribution.ts'
import type { Quirks } from '../support/upstream/quirks.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const recipe = { name: 'big', version: '1.0' }
const filename = wheelFilename(recipe)
const wheel = makeWheel({ ...recipe, files: { 'big/data.bin': randomBytes(3_000_000), 'big/__init__.py': '' } })
const HALF = 1_500_000

interface Fixture {
  readonly upstream: Upstream
  readonly arbor: InProcessArbor
  readonly path: string
  readonly sha256: string
}

async function open(
  t: TestContext,
  quirks: Partial<Quirks> = {},
  adjust?: (config: Config) => Config,
): Promise<Fixture> {
  const distribution: Distribution = await distributionOf(filename, wheel)
  const upstream = await startUpstream({ distributions: [distribution] })
  const arbor = await serveArbor({ upstream, ...(adjust === undefined ? {} : { adjust }) })
  t.after(async () => {
    await arbor[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })
  const located = await arbor.locate('big', filename)
  Object.assign(upstream.quirks, quirks)
  return { upstream, arbor, ...located }
}

function filesAsked({ upstream }: Fixture): Upstream['requests'] {
  return upstream.requests.filter(({ path }) => path.endsWith('.whl'))
}

function isWhole({ complete, body, status }: Exchange): boolean {
  return complete && status === 200 && createHash('sha256').update(body).digest('hex') === sha256OfWheel
}

/** What the stats say of downloads, once none runs. */
async function countsOf({ arbor }: Fixture): Promise<unknown> {
  for (;;) {
    const { downloads } = await arbor.stats()
    if (downloads?.['running'] === 0) return downloads
  }
}

const sha256OfWheel = createHash('sha256').update(wheel).digest('hex')

/** The wheel is served, whole and right, with no further request upstream; waits until it is unpacked. */
async function assertStored(fixture: Fixture): Promise<void> {
  const { arbor, path } = fixture
  assert.equal((await ask(arbor.url, `/wheels/sha256:${fixture.sha256}/tree`)).status, 200)
  const before = filesAsked(fixture).length
  assert.ok(isWhole(await ask(arbor.url, path)))
  assert.equal(filesAsked(fixture).length, before, 'no further request')
  assert.deepEqual(await arbor.staged(), [])
}

test('nothing at all in place of a file is no complete answer', async (t) => {
  const listed = await distributionOf(filename, wheel)
  const upstream = await startUpstream({ distributions: [listed], quirks: { htmlOnly: true, metadata: 'unlisted' } })
  const arbor = await serveArbor({ upstream })
  t.after(async () => {
    await arbor[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })
  const { path } = await arbor.locate('big', filename)
  upstream.distributions.set(filename, { ...listed, size: 0 })
  assert.equal((await ask(arbor.url, path)).status, 502)
  upstream.distributions.set(filename, listed)
  assert.ok(isWhole(await ask(arbor.url, path)))
})

for (const folder of ['staging', 'blobs', '.']) {
  test(`who removes the data folder under a running Arbor stops no download: ${folder}`, async (t) => {
    const { arbor, path, sha256 } = await open(t)
    await rm(join(arbor.data, folder), { recursive: true })
    assert.ok(isWhole(await ask(arbor.url, path)))
    // Without the catalog's files nothing can be kept.
    if (folder === '.') return
    for (const form of ['tree', 'tree.tar', 'tree.tar.gz']) {
      assert.equal((await ask(arbor.url, `/wheels/sha256:${sha256}/${form}`)).status, 200, form)
    }
  })
}

test('wrong bytes never complete, are not kept, and the next request starts afresh', async (t) => {
  const fixture = await open(t, { wrongByteAt: HALF, faultyResponses: 1 })
  const { arbor, path } = fixture
  const wrong = await ask(arbor.url, path)
  assert.equal(wrong.complete, false)
  assert.equal(wrong.body.length, wheel.length - 1, 'all but the last byte')
  assert.ok(isWhole(await ask(arbor.url, path)))
  await assertStored(fixture)
  assert.ok(arbor.log.some(({ msg }) => msg === 'download failed'))
  assert.deepEqual(await countsOf(fixture), {
    running: 0,
    spools: [],
    resumed: 0,
    notKept: 0,
    failed: { ERR_DIGEST_MISMATCH: 1 },
  })
})

for (const [fault, quirks] of [
  ['a connection that drops half way', { dropConnectionAt: HALF }],
  ['a response that ends early', { truncateAt: HALF }],
  ['a chunked response that ends early', { truncateAt: HALF, chunked: true }],
  ['an upstream that stalls', { hangAt: HALF }],
] as const) {
  test(`${fault} is taken up again by a range, and the client notices nothing`, async (t) => {
    const fixture = await open(t, { ...quirks, faultyResponses: 1 }, impatient)
    assert.ok(isWhole(await ask(fixture.arbor.url, fixture.path)))
    const [first, second, ...more] = filesAsked(fixture)
    assert.equal(first?.headers.range, undefined)
    // A reset takes with it what was under way.
    const [, from = '0', to] = /^bytes=(\d+)-(\d+)$/.exec(second?.headers.range ?? '') ?? []
    assert.ok(Number(from) > 0 && Number(from) <= (first?.bytesSent ?? 0), second?.headers.range)
    assert.equal(to, String(wheel.length - 1))
    assert.ok(second?.headers['if-range'] !== undefined)
    assert.deepEqual(more, [])
    assert.deepEqual(await countsOf(fixture), { running: 0, spools: [], resumed: 1, notKept: 0, failed: {} })
    await assertStored(fixture)
  })

  test(`${fault}, and no ranges: what comes again is compared, and the client notices nothing`, async (t) => {
    const fixture = await open(t, { ...quirks, faultyResponses: 1, ranges: 'ignored' }, impatient)
    assert.ok(isWhole(await ask(fixture.arbor.url, fixture.path)))
    assert.equal(filesAsked(fixture).length, 2)
    await assertStored(fixture)
  })
}

test('a download that never gets further breaks off, keeps nothing, and the next one starts afresh', async (t) => {
  const fixture = await open(t, { dropConnectionAt: HALF, ranges: 'ignored' }, impatient)
  const broken = await ask(fixture.arbor.url, fixture.path)
  assert.equal(broken.complete, false)
  fixture.upstream.quirks.dropConnectionAt = undefined
  assert.ok(isWhole(await ask(fixture.arbor.url, fixture.path)))
  await assertStored(fixture)
})

test('a length that differs from the one on the page is refused before the first byte', async (t) => {
  const fixture = await open(t, { lengthError: 10 })
  const refused = await ask(fixture.arbor.url, fixture.path)
  assert.equal(refused.status, 502)
  assert.equal(refused.headers['content-type'], 'application/problem+json')
})

for (const [what, quirks, status] of [
  ['503', { fileStatus: 503 }, 502],
  ['503 with Retry-After', { fileStatus: 503, retryAfter: '60' }, 503],
  ['403', { fileStatus: 403 }, 502],
  ['nothing at all', { hangAt: 'headers' }, 504],
] as const) {
  test(`G3: an upstream that answers a file with ${what} is a ${status}, with the reason`, async (t) => {
    const fixture = await open(t, quirks, impatient)
    const { status: got, headers, body } = await ask(fixture.arbor.url, fixture.path)
    assert.equal(got, status)
    assert.equal(headers['content-type'], 'application/problem+json')
    assert.equal(headers['retry-after'], status === 503 ? '60' : undefined)
    assert.doesNotMatch(body.toString(), /stack|node_modules/)
  })
}

test('E15: a storm of clients, early, late, leaving and by range, causes one request, and each gets its bytes', async (t) => {
  const fixture = await open(t, { bytesPerSecond: 6_000_000 })
  const { arbor, path } = fixture
  const early = Array.from({ length: 32 }, () => ask(arbor.url, path))
  const leaving = Array.from({ length: 8 }, () => leaveAfterFirstChunk(arbor.url + path))
  const ranges = [ask(arbor.url, path, { headers: { range: 'bytes=100-199' } })]
  await Promise.all(leaving)
  ranges.push(ask(arbor.url, path, { headers: { range: 'bytes=-100' } }))
  const head = await ask(arbor.url, path, { method: 'HEAD' })
  const late = Array.from({ length: 32 }, () => ask(arbor.url, path))
  for (const got of await Promise.all([...early, ...late])) assert.ok(isWhole(got))
  const [start, end] = await Promise.all(ranges)
  assert.deepEqual(start?.body, wheel.subarray(100, 200))
  assert.deepEqual(end?.body, wheel.subarray(-100))
  assert.equal(start?.status, 206)
  assert.equal(head.headers['content-length'], String(wheel.length))
  assert.equal(filesAsked(fixture).length, 1)
  assert.equal(filesAsked(fixture)[0]?.bytesSent, wheel.length)
  await assertStored(fixture)
})

test('the first bytes come long before the last, and a range waits only for its own', async (t) => {
  const fixture = await open(t, { hangAt: HALF, faultyResponses: 1 })
  const { arbor, path } = fixture
  const range = await ask(arbor.url, path, { headers: { range: `bytes=0-${HALF - 100_000}` } })
  assert.deepEqual(range.body, wheel.subarray(0, HALF - 99_999), 'while the rest hangs')
  assert.equal(filesAsked(fixture)[0]?.state, 'open')
})

test('the tail of a wheel that nobody fetched costs upstream just that, and its size in a HEAD nothing', async (t) => {
  const fixture = await open(t)
  const { arbor, path } = fixture
  const head = await ask(arbor.url, path, { method: 'HEAD' })
  assert.equal(head.headers['accept-ranges'], 'bytes')
  const suffix = await ask(arbor.url, path, { headers: { range: 'bytes=-16384' } })
  assert.equal(suffix.status, 206)
  assert.equal(suffix.headers['content-range'], `bytes ${wheel.length - 16_384}-${wheel.length - 1}/${wheel.length}`)
  assert.equal(suffix.headers['content-length'], '16384')
  assert.deepEqual(suffix.body, wheel.subarray(-16_384))
  assert.deepEqual(
    filesAsked(fixture).map(({ bytesSent }) => bytesSent),
    [16_384],
  )
  assert.ok(isWhole(await ask(arbor.url, path)), 'the whole is then fetched and verified')
  await assertStored(fixture)
})

test('a HEAD of a file whose size is listed asks nothing of the file host', async (t) => {
  const fixture = await open(t)
  const { headers, status } = await ask(fixture.arbor.url, fixture.path, { method: 'HEAD' })
  assert.equal(status, 200)
  assert.equal(headers['content-length'], String(wheel.length))
  assert.deepEqual(filesAsked(fixture), [])
})

test('a page is served stale while upstream is gone, and a page never seen is a 502', async (t) => {
  const fixture = await open(t, {}, (config) => ({
    ...config,
    indexes: config.indexes.map((index) => ({ ...index, freshMs: 0 })),
    upstream: { ...config.upstream, retries: 0 },
  }))
  await fixture.upstream.stop()
  assert.equal((await ask(fixture.arbor.url, '/simple/big/')).status, 200)
  assert.equal((await ask(fixture.arbor.url, '/simple/other/')).status, 502)
  await fixture.upstream.start()
  assert.equal((await ask(fixture.arbor.url, '/simple/other/')).status, 404)
})

function impatient(config: Config): Config {
  return { ...config, upstream: { ...config.upstream, idleTimeoutMs: 400, headersTimeoutMs: 400, retries: 1 } }
}

async function leaveAfterFirstChunk(url: string): Promise<void> {
  const leaving = new AbortController()
  const response = await fetch(url, { signal: leaving.signal })
  await response.body?.getReader().read()
  leaving.abort()
}
