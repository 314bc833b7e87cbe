import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashSha256 } from '../../../storage/digest.ts'
import type { Upstream } from '../../support/upstream.ts'
import { makeWheel } from '../../support/zip-writer.ts'
import { get, JSON_TYPE, openProxy, openRaw, openUpstream, pageOf, statusOf } from './proxy.ts'

const demo = { name: 'demo', version: '1.0', metadata: ['Requires-Python: <4,>=3.9'] }
const filename = 'demo-1.0-py3-none-any.whl'

test('B5, B11: sizes and requires-python as upstream has them; I1: and no key that no specification has', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const [file] = (await pageOf(await openProxy(t, { main: upstream }), '/simple/demo/')).files
  const { size, 'requires-python': python } = file as unknown as Record<string, unknown>
  assert.equal(size, makeWheel(demo).length)
  assert.equal(python, '<4,>=3.9')
  const specified =
    /^(?:filename|url|hashes|requires-python|size|upload-time|yanked|(?:core|dist-info)-metadata|provenance|gpg-sig|_.*)$/
  for (const key of Object.keys(file ?? {})) assert.match(key, specified)
})

test('C7, E18: provenance and status get through in HTML; a signature that we do not serve is not promised', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const file = {
    filename,
    url: new URL(`/packages/${filename}`, upstream.url).href,
    hashes: {},
    'gpg-sig': true,
    provenance: 'https://index.example/integrity/demo',
  }
  const page = { meta: {}, name: 'demo', files: [file], 'project-status': { status: 'archived' } }
  upstream.rawPages.set('demo', { contentType: JSON_TYPE, body: JSON.stringify(page) })
  const arbor = await openProxy(t, { main: upstream })
  const html = await (await get(arbor, '/simple/demo/', { accept: 'text/html' })).text()
  assert.match(html, /data-provenance="https:\/\/index\.example\/integrity\/demo"/)
  assert.match(html, /<meta name="pypi:project-status" content="archived">/)
  assert.doesNotMatch(html, /gpg-sig/)
  assert.doesNotMatch(JSON.stringify(await pageOf(arbor, '/simple/demo/')), /gpg-sig/)
})

test('B16: a file whose name does not tell its project is served as it is listed, until it is removed', async (t) => {
  const names = ['demo_1.0.deb', 'demo.pkg', 'other-1.0-py3-none-any.whl', 'démo-1.0.tar.gz', 'demo-1.0-variants.json']
  const listed = names.map((name) => {
    const bytes = `the bytes of ${name}`
    return { filename: name, url: `/f/${encodeURIComponent(name)}`, hashes: { sha256: hashSha256(Buffer.from(bytes)) } }
  })
  let files = listed
  const { url } = await openRaw(t, (request, response) => {
    const file = /^\/f\/(.*)$/.exec(request.url ?? '')?.[1]
    if (file !== undefined) return response.end(`the bytes of ${decodeURIComponent(file)}`)
    if (request.url !== '/simple/demo/') return response.writeHead(404).end()
    return response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files }))
  })
  const arbor = await openProxy(t, { main: { url } as Upstream }, { freshMs: 0 })
  const page = await pageOf(arbor, '/simple/demo/')
  assert.equal(page.files.length, names.length)
  for (let count = 0; count < 2; count += 1) {
    for (const file of page.files) {
      assert.equal(await (await get(arbor, file.url)).text(), `the bytes of ${file.filename}`)
    }
  }
  files = []
  await pageOf(arbor, '/simple/demo/')
  for (const file of page.files) assert.equal(await statusOf(arbor, file.url), 404)
})

test('B16: a file is had though only the page of another project is known, which has the same bytes', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const twin = { ...upstream.distributions.get(filename)!, project: 'twin', filename: 'twin-1.0-py3-none-any.whl' }
  upstream.distributions.set(twin.filename, twin)
  const arbor = await openProxy(t, { main: upstream })
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  for (const name of [filename, twin.filename]) {
    assert.equal(await statusOf(arbor, file!.url.replace(filename, name)), 200, name)
  }
})

test('B16: a file is had though of the projects that it may belong to only the less likely one is known', async (t) => {
  const name = 'Flask-Login-0.6.tar.gz'
  const sha256 = hashSha256(Buffer.from(name))
  const { url } = await openRaw(t, (request, response) => {
    if (request.url === `/f/${name}`) return response.end(name)
    const files =
      request.url === '/simple/flask-login/' ? [{ filename: name, url: `/f/${name}`, hashes: { sha256 } }] : []
    return response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files }))
  })
  const arbor = await openProxy(t, { main: { url } as Upstream })
  await pageOf(arbor, '/simple/flask/')
  assert.equal(await (await get(arbor, `/files/main/${sha256}/${name}`)).text(), name)
})

test('B8: what is listed beside a wheel as its metadata, as by a plain folder, is no file of its own', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const body = `<a href="/packages/${filename}.metadata">m</a><a href="/packages/${filename}">w</a>`
  upstream.rawPages.set('demo', { contentType: 'text/html', body })
  const page = await pageOf(await openProxy(t, { main: upstream }), '/simple/demo/')
  assert.deepEqual(
    page.files.map((file) => file.filename),
    [filename],
  )
})

test('G10: what there is not is 404 or 405, never 501, which installers retry', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [demo]) })
  assert.equal(await statusOf(arbor, '/pypi/demo/json'), 404)
  assert.equal((await fetch(`${arbor.url}/simple/demo/`, { method: 'DELETE' })).status, 405)
})

test('H7: upstream is asked for explicit ranges only, and by GET only', async (t) => {
  const upstream = await openUpstream(t, [demo], { metadata: 'unlisted' })
  const arbor = await openProxy(t, { main: upstream })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.equal(await statusOf(arbor, `${url}.metadata`), 200)
  assert.equal(await statusOf(arbor, url, { range: 'bytes=-100' }), 206)
  await fetch(url, { method: 'HEAD' })
  for (const { method, headers } of upstream.requests) {
    assert.equal(method, 'GET')
    assert.match(headers.range ?? 'bytes=0-0', /^bytes=\d+-\d*$/)
  }
})

test('E2: HEAD of a file whose length only its download tells waits for that', async (t) => {
  const upstream = await openUpstream(t, [demo], { htmlOnly: true, chunked: true, ranges: 'absent' })
  const arbor = await openProxy(t, { main: upstream })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  const { status, headers } = await fetch(url, { method: 'HEAD' })
  assert.deepEqual([status, headers.get('accept-ranges')], [200, 'bytes'])
  assert.equal(headers.get('content-length'), String(makeWheel(demo).length))
})

test('E2: HEAD of a file whose size is listed costs upstream nothing; where it is not, a byte', async (t) => {
  for (const htmlOnly of [false, true]) {
    const upstream = await openUpstream(t, [demo], { htmlOnly })
    const arbor = await openProxy(t, { main: upstream })
    const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
    const { status, headers } = await fetch(url, { method: 'HEAD' })
    assert.deepEqual([status, headers.get('accept-ranges')], [200, 'bytes'])
    assert.equal(headers.get('content-length'), String(makeWheel(demo).length))
    const asked = upstream.requests.filter(({ path }) => path.endsWith('.whl'))
    assert.deepEqual(
      asked.map((request) => request.headers.range),
      htmlOnly ? ['bytes=0-0'] : [],
    )
  }
})

test('H11, I4: a file is served under the index and digest that list it, byte for byte, and under no other', async (t) => {
  const one = await openUpstream(t, [demo])
  const two = await openUpstream(t, [{ ...demo, version: '2.0' }])
  const arbor = await openProxy(t, { one, two })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  assert.deepEqual(Buffer.from(await (await get(arbor, url)).arrayBuffer()), makeWheel(demo))
  assert.equal(await statusOf(arbor, url.replace('/files/one/', '/files/two/')), 404)
  assert.equal(await statusOf(arbor, url.replace('/files/one/', '/files/two/').concat('.metadata')), 404)
  assert.equal(await statusOf(arbor, url.replace(/[0-9a-f]{64}/, '0'.repeat(64))), 404)
})
