import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hashSha256 } from '../../../storage/digest.ts'
import { makeWheel, wheelMetadata } from '../../support/zip-writer.ts'
import { get, JSON_TYPE, openRaw, openUpstream, pageOf, proxyFor, statusOf, wheelOf } from './proxy.ts'

// What odd upstreams do beside the pages that they write, which are in test/server/pages/oddities.ts.

const demo = { name: 'demo', version: '1.0', files: { 'demo/data.txt': 'x'.repeat(5000) } }
const filename = 'demo-1.0-py3-none-any.whl'

function sendPage(response: ServerResponse, files: readonly object[], headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': JSON_TYPE, ...headers })
  response.end(JSON.stringify({ meta: { 'api-version': '1.0' }, name: 'demo', files }))
}

test('GitLab sends who asks for an unknown project to a public index: that is an error, not another project', async (t) => {
  const elsewhere = await openUpstream(t, [demo])
  const { url } = await openRaw(t, (_request, response) => {
    response.writeHead(302, { location: `${elsewhere.url}demo/` }).end()
  })
  const response = await get(await proxyFor(t, url), '/simple/demo/')
  assert.equal(response.status, 502)
  assert.match(await response.text(), /redirects to another host/)
  assert.equal(elsewhere.requests.length, 0)
})

test('Nexus says 304 with neither type nor validator: the page stays, and is asked for by its own validator again', async (t) => {
  const { url, asked } = await openRaw(t, (request, response) => {
    if (request.headers['if-none-match'] === undefined) sendPage(response, [], { etag: '"one"' })
    else response.writeHead(304).end()
  })
  const arbor = await proxyFor(t, url, { freshMs: 0 })
  const tags = []
  for (let round = 0; round < 3; round += 1) tags.push((await get(arbor, '/simple/demo/')).headers.get('etag'))
  assert.equal(new Set(tags).size, 1)
  assert.deepEqual(
    asked.map(({ headers }) => headers['if-none-match']),
    [undefined, '"one"', '"one"'],
  )
})

for (const [what, status, answer] of [
  ['CodeArtifact and Google Artifact Registry have no list of projects', 502, 404],
  ['Artifactory says 406 on a path that it does not know', 502, 406],
] as const) {
  test(`${what}: ${answer} is ${status}`, async (t) => {
    const { url } = await openRaw(t, (_request, response) => void response.writeHead(answer).end())
    assert.equal(await statusOf(await proxyFor(t, url), '/simple/'), status)
  })
}

for (const redirect of [302, 303, 307]) {
  test(`Azure and Google send ${redirect} to where their files are, for GET alone, by ranges, without a word about ranges`, async (t) => {
    const bytes = makeWheel(demo)
    const store = await openRaw(t, (request, response) => {
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
      if (request.method !== 'GET') return void response.writeHead(405).end()
      if (first === undefined) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
      const part = bytes.subarray(Number(first), last === '' ? undefined : Number(last) + 1)
      const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`
      return void response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
    })
    const { url, asked } = await openRaw(t, (request, response) => {
      if (request.url !== '/simple/demo/') {
        return void response.writeHead(redirect, { location: `${store.url}presigned?signature=secret` }).end()
      }
      const hashes = { sha256: hashSha256(bytes) }
      return sendPage(response, [{ filename, url: `/files/${filename}`, hashes }])
    })
    const arbor = await proxyFor(t, url, { uploadTimes: 'last-modified' })
    const [file] = (await pageOf(arbor, '/simple/demo/')).files
    const head = await fetch(file!.url, { method: 'HEAD' })
    assert.deepEqual(
      [head.headers.get('content-length'), head.headers.get('accept-ranges')],
      [String(bytes.length), 'bytes'],
    )
    assert.equal(await (await get(arbor, `${file!.url}.metadata`)).text(), wheelMetadata(demo))
    assert.deepEqual(Buffer.from(await (await get(arbor, file!.url)).arrayBuffer()), bytes)
    assert.doesNotMatch(JSON.stringify(arbor.log), /signature=secret/)
    assert.ok(asked.length > 0)
  })
}

test('a .tar.gz that is labelled Content-Encoding: gzip is passed on as it is, without the label', async (t) => {
  const sdist = gzipSync('an archive of sources')
  const { url } = await openRaw(t, (request, response) => {
    if (request.url === '/simple/demo/') {
      const hashes = { sha256: hashSha256(sdist) }
      return sendPage(response, [{ filename: 'demo-1.0.tar.gz', url: '/demo-1.0.tar.gz', hashes }])
    }
    response.writeHead(200, { 'content-type': 'application/x-tar', 'content-encoding': 'gzip' })
    return void response.end(sdist)
  })
  const arbor = await proxyFor(t, url)
  const [file] = (await pageOf(arbor, '/simple/demo/')).files
  const response = await get(arbor, file!.url)
  assert.equal(response.headers.get('content-encoding'), null)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), sdist)
})

test('a wheel that was uploaded again under the same name has another URL, and the old one is gone', async (t) => {
  const upstream = await openUpstream(t, [demo])
  const arbor = await proxyFor(t, upstream.url, { freshMs: 0 })
  const [before] = (await pageOf(arbor, '/simple/demo/')).files
  assert.equal(await statusOf(arbor, before!.url), 200)
  const again = await wheelOf({ ...demo, files: { 'demo/data.txt': 'other' } })
  upstream.distributions.set(filename, again)
  const [after] = (await pageOf(arbor, '/simple/demo/')).files
  assert.notEqual(after?.url, before?.url)
  assert.equal(hashSha256(Buffer.from(await (await get(arbor, after!.url)).arrayBuffer())), again.sha256)
  assert.equal(await statusOf(arbor, before!.url), 404)
})

for (const [range, status] of [
  [undefined, 502],
  ['bytes 4-7/8', 502],
  ['bytes 0-7/*', 502],
  [`bytes 0-7/${'9'.repeat(30)}`, 502],
  ['bytes 0-7/8', 200],
] as const) {
  test(`E13: a file that comes as a part that nobody asked for, ${range ?? 'of which nothing is said'}, is ${status}`, async (t) => {
    const { url } = await openRaw(t, (request, response) => {
      if (request.url === '/simple/demo/') {
        const files = [{ filename: 'demo-1.0.tar.gz', url: '/demo', hashes: {} }]
        return response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify({ files }))
      }
      return response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end('8 bytes.')
    })
    const response = await get(await proxyFor(t, url), '/files/main/unhashed/demo-1.0.tar.gz')
    assert.equal(response.status, status)
    if (status === 200) assert.equal(await response.text(), '8 bytes.')
  })
}
