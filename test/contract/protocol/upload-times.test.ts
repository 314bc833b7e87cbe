import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, type ListedJson, makeDataFolder, openProxy, openUpstream, pageOf, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0' }
const later = { name: 'demo', version: '2.0' }
const lastModified = 'Wed, 05 Jun 2024 07:08:09 GMT'
const without = { htmlOnly: true, lastModified } as const
const configured = { uploadTimes: 'last-modified' } as const

type Listed = ListedJson & { readonly 'upload-time'?: string; readonly '_upload-time-source'?: string }

function timesOf(files: readonly ListedJson[]): (string | undefined)[][] {
  return files.map((file) => [(file as Listed)['upload-time'], (file as Listed)['_upload-time-source']])
}

const taken = ['2024-06-05T07:08:09Z', 'last-modified']

test('B10: where upstream has no upload time, there is none, whatever it says of files', async (t) => {
  const upstream = await openUpstream(t, [demo], without)
  const arbor = await openProxy(t, { main: upstream }, { freshMs: 0 })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, file!.url), 200)
  assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/')).files), [[undefined, undefined]])
  assert.ok(!upstream.requests.some(({ method }) => method === 'HEAD'))
})

test('B10: where the index is configured so, it is when the file was modified, and says so', async (t) => {
  const upstream = await openUpstream(t, [demo, later], without)
  const arbor = await openProxy(t, { main: upstream }, configured)
  assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/')).files), [taken, taken])
  // One request for each, and none for their bytes.
  assert.equal(upstream.requests.filter(({ method }) => method === 'HEAD').length, 2)
  assert.doesNotMatch(await (await get(arbor, '/simple/demo/', { accept: 'text/html' })).text(), /upload/)
})

test('B10: it is kept, and stays what it was', async (t) => {
  const data = await makeDataFolder(t)
  const upstream = await openUpstream(t, [demo], without)
  const first = await openProxy(t, { main: upstream }, configured, { data })
  assert.deepEqual(timesOf((await pageOf(first, '/simple/demo/')).files), [taken])
  await first[Symbol.asyncDispose]()
  upstream.quirks.lastModified = 'Thu, 06 Jun 2024 07:08:09 GMT'
  const asked = upstream.requests.length
  const second = await openProxy(t, { main: upstream }, { ...configured, freshMs: 0 }, { data })
  assert.deepEqual(timesOf((await pageOf(second, '/simple/demo/')).files), [taken])
  assert.ok(!upstream.requests.slice(asked).some(({ method }) => method === 'HEAD'))
})

test('B10: upstream’s own upload time is not touched', async (t) => {
  const upstream = await openUpstream(t, [demo], { lastModified })
  const arbor = await openProxy(t, { main: upstream }, configured)
  const [[time, source] = []] = timesOf((await pageOf(arbor, '/simple/demo/')).files)
  assert.ok(time !== undefined && time !== taken[0])
  assert.equal(source, undefined)
  assert.ok(!upstream.requests.some(({ method }) => method === 'HEAD'))
})

test('B10: where asking does not help, it comes along with the download', async (t) => {
  const upstream = await openUpstream(t, [demo], { htmlOnly: true })
  const arbor = await openProxy(t, { main: upstream }, { ...configured, freshMs: 0 })
  const page = await pageOf(arbor, '/simple/demo/')
  assert.deepEqual(timesOf(page.files), [[undefined, undefined]])
  upstream.quirks.lastModified = lastModified
  assert.equal(await statusOf(arbor, page.files[0]!.url), 200)
  assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/', { 'cache-control': 'no-cache' })).files), [taken])
  assert.equal(upstream.requests.filter(({ method }) => method === 'HEAD').length, 1)
})

for (const [what, value] of [
  ['the epoch', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['the future', 'Thu, 01 Jan 2099 00:00:00 GMT'],
  ['no date', 'yesterday'],
] as const) {
  test(`B10: ${what} is no upload time`, async (t) => {
    const upstream = await openUpstream(t, [demo], { htmlOnly: true, lastModified: value })
    const arbor = await openProxy(t, { main: upstream }, configured)
    assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/')).files), [[undefined, undefined]])
  })
}

test('B10: a file without a SHA-256 has none: it may be overwritten in place', async (t) => {
  const upstream = await openUpstream(t, [demo], { ...without, noHashes: true })
  const arbor = await openProxy(t, { main: upstream }, configured)
  assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/')).files), [[undefined, undefined]])
})

test('an index whose files cannot be asked about has its pages all the same', async (t) => {
  const upstream = await openUpstream(t, [demo], { ...without, filesElsewhere: true })
  const arbor = await openProxy(t, { main: upstream }, { ...configured, allowedFileHosts: ['files.example'] })
  assert.deepEqual(timesOf((await pageOf(arbor, '/simple/demo/')).files), [[undefined, undefined]])
})

for (const fileStatus of [400, 403, 405, 429, 500]) {
  test(`a host that answers such questions with ${fileStatus} is not asked them again`, async (t) => {
    const recipes = Array.from({ length: 30 }, (_, number) => ({ name: 'demo', version: `${number}` }))
    const upstream = await openUpstream(t, recipes, { ...without, fileStatus })
    const arbor = await openProxy(t, { main: upstream }, { ...configured, freshMs: 0 })
    assert.equal((await pageOf(arbor, '/simple/demo/')).files.length, 30)
    const asked = (): number => upstream.requests.filter(({ method }) => method === 'HEAD').length
    const before = asked()
    assert.ok(before > 0 && before <= 8, `asked ${before} times`)
    await pageOf(arbor, '/simple/demo/', { 'cache-control': 'no-cache' })
    assert.equal(asked(), before)
    upstream.quirks.fileStatus = undefined
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    assert.equal(await statusOf(arbor, file!.url), 200)
  })
}
