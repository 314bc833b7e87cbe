import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeWheel, wheelMetadata } from '../../support/zip-writer.ts'
import {
  get,
  JSON_TYPE,
  openProxy,
  openRaw,
  openUpstream,
  pageOf,
  proxyFor,
  statusOf,
  until,
  wheelOf,
} from './proxy.ts'

const demo = { name: 'demo', version: '1.0', files: { 'demo/data.bin': randomBytes(400_000) } }
const metadata = wheelMetadata(demo)
const sha256 = createHash('sha256').update(metadata).digest('hex')

test('B8, F1: metadata that upstream has is passed on, with its digest, at no cost of a wheel', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.deepEqual(file?.['core-metadata'], { sha256 })
  assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), metadata)
  assert.ok(!upstream.requests.some(({ path }) => path.endsWith('.whl')))
})

for (const [what, quirks] of [
  ['missing', { metadata: 'missing' }],
  ['mismatched', { metadata: 'mismatched' }],
  ['an error, again and again', { metadata: 'missing', missingStatus: 500 }],
] as const) {
  test(`F2, H12: metadata that upstream promises, but that is ${what}, comes from the wheel's tail`, async (t) => {
    const upstream = await openUpstream(t, [demo], quirks)
    const arbor = await openProxy(t, { main: upstream })
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), metadata)
    assert.ok(bytesOfWheels(upstream) < 100_000)
  })
  test(`F2: likewise where upstream gives no ranges, by the whole wheel (${what})`, async (t) => {
    const upstream = await openUpstream(t, [demo], { ...quirks, ranges: 'absent' })
    const arbor = await openProxy(t, { main: upstream })
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), metadata)
  })
}

for (const [what, body] of [
  ['a page that says sorry', '<!DOCTYPE html><title>Not found</title>'],
  ['nothing', ''],
  ["another project's", 'Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n\nName: demo\n'],
] as const) {
  test(`F2, H12: what upstream gives without a digest, with status 200, is held to the wheel's name: ${what}`, async (t) => {
    const upstream = await openUpstream(t, [demo])
    const { url } = await openRaw(t, (request, response) => {
      if (request.url?.endsWith('.metadata') === true) return response.end(body)
      if (request.url?.endsWith('.whl') === true) {
        const bytes = makeWheel(demo)
        const [first = 0, last = 0] = (request.headers.range ?? '').match(/\d+/g)?.map(Number) ?? []
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${bytes.length}` })
        return response.end(bytes.subarray(first, last + 1))
      }
      const files = [...upstream.distributions.values()].map(({ filename, sha256: digest, size }) => {
        return { filename, url: filename, hashes: { sha256: digest }, size, 'core-metadata': true }
      })
      return response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files }))
    })
    const arbor = await proxyFor(t, url)
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    assert.equal(file?.['core-metadata'], true)
    assert.equal(await (await get(arbor, `${file.url}.metadata`)).text(), metadata)
  })
}

test('B8, H12: where the page promises a digest that nothing has, it has the right one once that was seen', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const [wheel] = upstream.distributions.values()
  const files = [
    {
      filename: wheel!.filename,
      url: `/packages/${wheel!.filename}`,
      hashes: { sha256: wheel!.sha256 },
      'core-metadata': { sha256: '0'.repeat(64) },
    },
  ]
  upstream.rawPages.set('demo', { contentType: JSON_TYPE, body: JSON.stringify({ files }) })
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await (await get(arbor, `${file!.url}.metadata`)).text(), metadata)
  const [again] = (await pageOf(arbor, '/simple/demo/')).files
  assert.deepEqual(again?.['core-metadata'], { sha256 })
  assert.equal(await (await get(arbor, `${file!.url}.metadata`)).text(), metadata)
  const restarted = await openProxy(t, { main: upstream }, {}, { data: arbor.data })
  const [known] = (await pageOf(restarted, '/simple/demo/')).files
  assert.equal(await (await get(restarted, `${known!.url}.metadata`)).text(), metadata)
  assert.deepEqual((await pageOf(restarted, '/simple/demo/')).files[0]?.['core-metadata'], { sha256 })
})

test("E16: a stored wheel's metadata does not wait for its page, as the wheel does not", async (t) => {
  const { filename, sha256: digest } = await wheelOf(demo)
  const files = [{ filename, url: filename, hashes: { sha256: digest }, 'core-metadata': { sha256 } }]
  let isHeld = false
  const { url } = await openRaw(t, (request, response) => {
    if (request.url?.endsWith('.whl') === true) return response.end(makeWheel(demo))
    return isHeld ? undefined : response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files }))
  })
  const arbor = await proxyFor(t, url, { freshMs: 0 })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 200)
  await until(async () => (await arbor.stats())['store']?.['trees'] === 1)
  isHeld = true
  const response = await fetch(`${file!.url}.metadata`, { signal: AbortSignal.timeout(10_000) })
  assert.equal(await response.text(), metadata)
})

test('B9: where upstream has none, it is made from a few ranges, marked from the first page on, and kept', async (t) => {
  const second = { ...demo, version: '2.0' }
  const upstream = await openUpstream(t, [demo, second], { metadata: 'unlisted', filesElsewhere: true })
  const arbor = await openProxy(t, { main: upstream })
  const page = await pageOf(arbor, '/simple/demo/')
  assert.ok(page.files.every((file) => file['core-metadata'] === true))
  for (const [place, recipe] of [demo, second].entries()) {
    assert.equal(await (await get(arbor, `${page.files[place]?.url}.metadata`)).text(), wheelMetadata(recipe))
  }
  const reads = upstream.requests.filter(({ path }) => path.endsWith('.whl'))
  assert.ok(reads.length <= 4 && reads.every(({ status }) => status === 206))
  assert.ok(bytesOfWheels(upstream) < 2 * 70_000)
  const again = await openProxy(t, { main: upstream }, { mode: 'offline' }, { data: arbor.data })
  const kept = await pageOf(again, '/simple/demo/')
  assert.deepEqual(kept.files[0]?.['core-metadata'], { sha256 })
  assert.equal(await (await get(again, `${kept.files[0]?.url}.metadata`)).text(), metadata)
})

test('B8, B9: without ranges nothing is promised, until the wheel is stored', async (t) => {
  const upstream = await openUpstream(t, [demo], { metadata: 'unlisted', ranges: 'absent' })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(file?.['core-metadata'], undefined)
  assert.equal(await statusOf(arbor, `${file?.url}.metadata`), 404)
  await (await get(arbor, file!.url)).arrayBuffer()
  await until(async () => {
    const mark = (await pageOf(arbor, '/simple/demo/')).files[0]?.['core-metadata']
    return typeof mark === 'object' && mark['sha256'] === sha256
  })
  assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), metadata)
})

test('B8, B9: a wheel whose metadata is kept is not unpacked for it while others are being downloaded', async (t) => {
  const slow = { name: 'slow', version: '1.0', files: { 'slow/data.bin': randomBytes(1_000_000) } }
  const upstream = await openUpstream(t, [demo, slow], { metadata: 'unlisted' })
  const arbor = await openProxy(t, { main: upstream })
  const [first] = (await pageOf(arbor, '/simple/demo/')).files
  const [second] = (await pageOf(arbor, '/simple/slow/')).files
  upstream.quirks.bytesPerSecond = 1_500_000
  const lasting = await get(arbor, second!.url)
  await (await get(arbor, first!.url)).arrayBuffer()
  const download = { isOver: false }
  const rest = lasting.arrayBuffer().finally(() => (download.isOver = true))
  while (!download.isOver) {
    const { store } = await arbor.stats()
    if (!download.isOver) assert.equal(store?.['trees'], 0)
  }
  await rest
  await until(async () => (await arbor.stats())['store']?.['trees'] === 2)
})

const twofold = {
  name: 'twofold',
  version: '1.0',
  files: { 'other-1.0.dist-info/METADATA': 'Name: other\n', 'twofold.py': '' },
}

test('F5: a wheel with two .dist-info folders has no metadata, and is not marked', async (t) => {
  const upstream = await openUpstream(t, [twofold], { metadata: 'unlisted' })
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const [file] = (await pageOf(arbor, '/simple/twofold/')).files
  assert.equal(file?.['core-metadata'], undefined)
  assert.equal(await statusOf(arbor, `${file?.url}.metadata`), 404)
})

/** Our archive policy refuses it, installers do not. */
const refused = { name: 'refused', version: '1.0', extraMembers: [{ name: '../refused.py', content: 'x' }] }
const sound = { name: 'refused', version: '2.0' }

for (const ranges of ['served', 'ignored'] as const) {
  test(`B8, F2: a wheel of which no tree is made has metadata where it is marked (ranges are ${ranges})`, async (t) => {
    const upstream = await openUpstream(t, [refused, sound], { metadata: 'unlisted' })
    const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
    const [file] = (await pageOf(arbor, '/simple/refused/')).files
    assert.equal(file?.['core-metadata'], true, 'ranges were shown to work')
    upstream.quirks.ranges = ranges
    assert.equal(await (await get(arbor, `${file.url}.metadata`)).text(), wheelMetadata(refused))
    const [again] = (await pageOf(arbor, '/simple/refused/')).files
    assert.equal(typeof again?.['core-metadata'], 'object', 'what is kept is marked with its digest')
  })
}

test('B8, F5: a wheel that turns out to have no metadata is marked no more, at once', async (t) => {
  const upstream = await openUpstream(t, [twofold, { name: 'twofold', version: '2.0' }], { metadata: 'unlisted' })
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/twofold/')).files
  assert.equal(file?.['core-metadata'], true)
  assert.equal(await statusOf(arbor, `${file.url}.metadata`), 404)
  const [again, other] = (await pageOf(arbor, '/simple/twofold/')).files
  assert.equal(again?.['core-metadata'], undefined)
  assert.equal(other?.['core-metadata'] !== undefined, true)
})

test('F2, H12: metadata that is not that of the wheel is what the page promises, also once the wheel is stored', async (t) => {
  const upstream = await openUpstream(t, [demo], { metadata: 'false' })
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  await (await get(arbor, file!.url)).arrayBuffer()
  const served = await (await get(arbor, `${file?.url}.metadata`)).text()
  assert.deepEqual(file?.['core-metadata'], { sha256: createHash('sha256').update(served).digest('hex') })
})

for (const quirk of ['listed', 'unlisted'] as const) {
  test(`H12: what one index claims a wheel's metadata to be is not served by another (there: ${quirk})`, async (t) => {
    const liar = await openUpstream(t, [demo], { metadata: 'false' })
    const honest = await openUpstream(t, [demo], { metadata: quirk })
    const arbor = await openProxy(t, { liar, honest })
    const [lie] = (await pageOf(arbor, '/liar/simple/demo/')).files
    assert.notEqual(await (await get(arbor, `${lie?.url}.metadata`)).text(), metadata)
    const [file] = (await pageOf(arbor, '/honest/simple/demo/')).files
    assert.deepEqual(file?.['core-metadata'], quirk === 'listed' ? { sha256 } : true)
    assert.equal(await (await get(arbor, `${file?.url}.metadata`)).text(), metadata)
    assert.notEqual(await (await get(arbor, `${lie?.url}.metadata`)).text(), metadata, 'each what its page promises')
  })
}

test('B8: a wheel without metadata on one index has what another promises', async (t) => {
  const one = await openUpstream(t, [twofold], { metadata: 'unlisted' })
  const two = await openUpstream(t, [twofold], { metadata: 'listed' })
  const arbor = await openProxy(t, { one, two }, { freshMs: 0 })
  const [bare] = (await pageOf(arbor, '/one/simple/twofold/')).files
  await (await get(arbor, bare!.url)).arrayBuffer()
  await until(async () => (await arbor.stats())['store']?.['distributions'] === 1)
  assert.equal(await statusOf(arbor, `${bare!.url}.metadata`), 404)
  const [file] = (await pageOf(arbor, '/two/simple/twofold/')).files
  assert.ok(file?.['core-metadata'])
  assert.equal(await statusOf(arbor, `${file.url}.metadata`), 200)
})

test('a page that names many file hosts does not make us knock at all of them', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const files = Array.from({ length: 100 }, (_, number) => ({
    filename: `demo-${number}.0-py3-none-any.whl`,
    url: `${upstream.url.replace('127.0.0.1', `127.0.0.${number + 2}`)}demo-${number}.0-py3-none-any.whl`,
    hashes: { sha256: number.toString(16).padStart(64, '0') },
  }))
  const body = JSON.stringify({ meta: { 'api-version': '1.0' }, name: 'demo', files })
  upstream.rawPages.set('demo', { contentType: 'application/json', body })
  const arbor = await openProxy(t, { main: upstream })
  assert.equal((await pageOf(arbor, '/simple/demo/')).files.length, 100)
  const { upstreams = {} } = await arbor.stats()
  assert.ok(Object.keys(upstreams).length <= 9, `${Object.keys(upstreams).length} hosts were asked`)
})

test('F4: an sdist has none', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await openProxy(t, { main: upstream })
  assert.equal(await statusOf(arbor, `/files/main/${'0'.repeat(64)}/demo-1.0.tar.gz.metadata`), 404)
})

function bytesOfWheels({ requests }: Awaited<ReturnType<typeof openUpstream>>): number {
  return requests.filter(({ path }) => path.endsWith('.whl')).reduce((sum, { bytesSent }) => sum + bytesSent, 0)
}
